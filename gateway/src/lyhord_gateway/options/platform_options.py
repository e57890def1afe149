"""Options that every platform has in the configuration; those of one profile stand with the profile.

The sections of a platform are a tagged union: `profile` says which of the `Options` in `profiles/` a section
is. `platform_rules.py` knows them all.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]
Topic = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"^[^+#\x00]+$")]
NodeName = Annotated[str, Meta(min_length=1)]
CaFile = Annotated[
    str,
    Meta(
        description="PEM file with the authorities to trust instead of the system's.",
        examples=["ca.pem"],
    ),
]
CertFile = Annotated[str, Meta(description="Client certificate (PEM).", examples=["client.pem"])]
KeyFile = Annotated[
    str, Meta(description="Private key (PEM, mode 0600) of the certificate.", examples=["client.key"])
]
Insecure = Annotated[
    bool,
    Meta(
        description="Speak mqtt:// without TLS to a broker on another machine, password and all; said at "
        "every start and in health."
    ),
]
NodeStatus = Annotated[
    bool,
    Meta(
        description="Tell what is known of the nodes themselves, when it changes: battery, signal of "
        "the last downlink, firmware, faults by name, whether they are in service."
    ),
]


class Platform(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="profile"):
    """A platform that gets readings. Repeat the section for several platforms; each has its own cursor."""

    name: Annotated[
        Name,
        Meta(
            description="Name of the platform's cursor in the store: a new name starts with all readings "
            "that are kept.",
            examples=["city"],
        ),
    ]
    url: Annotated[
        str,
        Meta(
            description="mqtt://host:port or mqtts://host:port (TLS, verified).",
            examples=["mqtts://platform.example.net:8883"],
        ),
    ]
    protocol: Annotated[
        Literal["3.1.1", "5"],
        Meta(
            description="Version of MQTT. With 5 the platform can say that it refuses a message, and every "
            "message says what is in it (content type, backlog); a platform that does not know it is spoken "
            "to in 3.1.1, which log and health say. With 3.1.1 many platforms acknowledge what their access "
            "list forbids, and throw it away."
        ),
    ] = "5"
    client_id: Annotated[
        Annotated[str, Meta(min_length=1, max_length=256)] | None,
        Meta(
            description="MQTT client identifier, for platforms that give one out. If left out: "
            "lyhord-<gateway>-<number>-<name>.",
            examples=["gateway-17"],
        ),
    ] = None
    credentials: Annotated[
        str,
        Meta(
            description="File (mode 0600) with the user name (ThingsBoard: access token) on the first line "
            "and the password, if any, on the second.",
            examples=["city.credentials"],
        ),
    ] = ""
    insecure: Insecure = False
    ca_file: CaFile = ""
    cert_file: CertFile = ""
    key_file: KeyFile = ""
    batch_ms: Annotated[
        int,
        Meta(ge=0, le=60_000, description="Longest time a reading waits for others to share a message."),
    ] = 50
    fill_scale: Annotated[
        Literal[1, 100] | None,
        Meta(
            description="Fill level and quality (ngsi-ld: relative humidity too) as 0…1 (1) or 0…100 (100). "
            "Left out: 1; homeassistant has 100 only. The published models of ngsi-ld want 1, some "
            "platforms 100.",
            examples=[1],
        ),
    ] = None
    distance_unit: Annotated[Literal["m", "cm", "mm"], Meta(description="Unit of distances.")] = "m"
    battery_unit: Annotated[Literal["V", "mV"], Meta(description="Unit of the battery voltage.")] = "V"
    pressure_unit: Annotated[
        Literal["Pa", "hPa"] | None,
        Meta(
            description="Unit of the air pressure. Left out: Pa, with ngsi-ld hPa, as the Smart Data Models "
            "count it.",
            examples=["hPa"],
        ),
    ] = None
    signal: Annotated[
        bool, Meta(description="Send RSSI and SNR of the reception along with each reading.")
    ] = True

    @property
    def profile(self) -> str:
        """The shape of its messages."""
        return str(type(self).__struct_config__.tag)

    @property
    def compressed(self) -> bool:
        """Payloads of readings go out as gzip."""
        return False

    @property
    def batch(self) -> tuple[int, int]:
        """Most readings and most bytes in one message, for shapes in which readings share one."""
        return 100, 32_768


class Batched(Platform, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A platform whose messages may hold several readings."""

    batch_count: Annotated[int, Meta(ge=1, le=10_000, description="Most readings in one message.")] = 100
    batch_bytes: Annotated[
        int,
        Meta(ge=256, le=1_000_000, description="Most bytes in one message's payload, before compression."),
    ] = 32_768

    @property
    def batch(self) -> tuple[int, int]:
        return self.batch_count, self.batch_bytes


class Compressible(Batched, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A platform whose subscribers are ours, so that they can be told to expand."""

    compression: Annotated[
        Literal["none", "gzip"],
        Meta(description="gzip compresses the payloads of readings; whoever subscribes must know that."),
    ] = "none"

    @property
    def compressed(self) -> bool:
        return self.compression == "gzip"


def keys(options: type[Platform]) -> dict[str, object]:
    """The names of the options, with their defaults."""
    return {field.name: field.default for field in msgspec.structs.fields(options)}
