"""The options of a platform in the configuration; `platform_rules.py` says what goes with which profile."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]
Topic = Annotated[str, Meta(min_length=1, max_length=1000, pattern=r"^[^+#\x00]+$")]
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


class Platform(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where readings go. Repeat the section for several platforms; each has its own cursor."""

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
    profile: Annotated[
        Literal["senml", "thingsboard", "fiware-iota-json", "ngsi-ld", "yggio", "homeassistant"],
        Meta(description="Shape of the messages.", examples=["senml"]),
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
    topic: Annotated[
        Topic | None,
        Meta(
            description="Topic for senml (lyhord/{gateway}/senml if left out), ngsi-ld "
            "(lyhord/{gateway}/ngsi-ld; each message is the body of an entityOperations/upsert), yggio "
            "(needed: yggio/generic/v2/<credential set>/<reserved topic with {node}>) and homeassistant "
            "(lyhord/{gateway}/{node}/state). {gateway} and {node} are replaced. The topics of thingsboard "
            "and fiware-iota-json are fixed.",
            examples=["lyhord/{gateway}/senml"],
        ),
    ] = None
    backlog_topic: Annotated[
        Topic | None,
        Meta(
            description="Another topic for readings that came after a younger one of their node: senml and "
            "ngsi-ld (if left out: the same topic, marked backlog) and homeassistant (if left out: "
            "lyhord/{gateway}/{node}/backlog).",
            examples=["lyhord/{gateway}/{node}/backlog"],
        ),
    ] = None
    device: (
        Annotated[
            str,
            Meta(
                min_length=1,
                description="Name of a node at the platform, {node} is its id: SenML base name "
                "(urn:dev:ops:lyhord-{node}: if left out), else (lyhord-{node}) the device of thingsboard, "
                "fiware-iota-json and homeassistant, or the end of the entity id of ngsi-ld. With yggio "
                "the topic is the name.",
                examples=["lyhord-{node}"],
            ),
        ]
        | None
    ) = None
    api_key: Annotated[
        str,
        Meta(
            description="fiware-iota-json: file (mode 0600) with the API key of the service group.",
            examples=["fiware.key"],
        ),
    ] = ""
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
    batch_count: Annotated[
        int,
        Meta(
            ge=1,
            le=10_000,
            description="Most readings in one message. Not for yggio and homeassistant: theirs hold one.",
        ),
    ] = 100
    batch_bytes: Annotated[
        int,
        Meta(
            ge=256,
            le=1_000_000,
            description="Most bytes in one message's payload, before compression. Not for yggio and "
            "homeassistant.",
        ),
    ] = 32_768
    batch_ms: Annotated[
        int,
        Meta(ge=0, le=60_000, description="Longest time a reading waits for others to share a message."),
    ] = 50
    compression: Annotated[
        Literal["none", "gzip"],
        Meta(
            description="senml and ngsi-ld: gzip compresses the payloads of readings; whoever subscribes "
            "must know that."
        ),
    ] = "none"
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
    context: Annotated[
        Annotated[str, Meta(pattern=r"^https?://\S+$")] | None,
        Meta(
            description="ngsi-ld: address of the JSON-LD context; left out: that of the Smart Data Models.",
            examples=["https://context.example.net/waste.jsonld"],
        ),
    ] = None
    discovery_prefix: Annotated[
        Name, Meta(description="homeassistant: first part of the discovery topics.")
    ] = "homeassistant"
    expire_s: Annotated[
        int,
        Meta(
            ge=0,
            le=31_536_000,
            description="homeassistant: an entity without news for so many seconds is unavailable, and an "
            "older reading is backlog. 0: never.",
        ),
    ] = 14_400
    commands: Annotated[
        bool,
        Meta(
            description="thingsboard: take requests for nodes (settings, restart, blink …) from the "
            "platform; false: whoever gets hold of the platform can only read."
        ),
    ] = True
