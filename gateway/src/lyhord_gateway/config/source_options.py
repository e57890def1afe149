"""The options of the sources in the configuration: MQTT, bridges, concentrators."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from lyhord_gateway.config.platform_options import CaFile, CertFile, KeyFile, Name
from lyhord_wire.lora import UPLINK_CHANNELS

Eui = Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]{16}$")]
Port = Annotated[int, Meta(ge=1, le=65535)]
Power = Annotated[
    int, Meta(ge=2, le=27, description="Transmit power in dBm; lowered where the band allows less.")
]


class Mqtt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where WiFi nodes are heard. Leave this section out if there are none."""

    embedded: Annotated[bool, Meta(description="Run a broker of our own for the nodes.")] = True
    listen: Annotated[str, Meta(description="Address on which the embedded broker listens.")] = "0.0.0.0"
    port: Annotated[Port, Meta(description="Port of the embedded broker.")] = 1883
    url: Annotated[
        str,
        Meta(
            description="Another broker, with embedded = false: mqtt://host:port or mqtts://host:port (TLS, "
            "verified).",
            examples=["mqtts://broker.example.net:8883"],
        ),
    ] = ""
    credentials: Annotated[
        str,
        Meta(
            description="File (mode 0600) with the user name for that broker on the first line and the "
            "password on the second.",
            examples=["node-broker.credentials"],
        ),
    ] = ""
    ca_file: CaFile = ""
    cert_file: CertFile = ""
    key_file: KeyFile = ""


class Bridge(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A LoRa bridge on a serial line. Repeat the section for several bridges."""

    url: Annotated[
        str,
        Meta(
            min_length=1,
            description="Device or URL as pyserial's serial_for_url takes it.",
            examples=["/dev/ttyUSB0"],
        ),
    ]
    name: Annotated[
        Name | Literal[""],
        Meta(description="Name in logs and counters; bridge-1, bridge-2 … if left out.", examples=["roof"]),
    ] = ""
    freq_hz: Annotated[
        int, Meta(ge=863_000_000, le=870_000_000, description="Frequency to listen on, in Hz.")
    ] = UPLINK_CHANNELS[0][0]
    sf: Annotated[int, Meta(ge=7, le=12, description="Spreading factor to listen for.")] = 9
    power_dbm: Power = 14


class Udp(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Concentrators that run Semtech's packet forwarder (UDP protocol version 2). It knows no
    authentication: listen on a private network only."""

    euis: Annotated[
        tuple[Eui, ...],
        Meta(
            min_length=1,
            max_length=256,
            description="The concentrators that are heard: their gateway_ID, 16 hexadecimal digits each.",
            examples=[["AA555A0000000101"]],
        ),
    ]
    listen: Annotated[str, Meta(min_length=1, description="Address to listen on.")] = "0.0.0.0"
    port: Annotated[Port, Meta(description="UDP port: serv_port_up and serv_port_down over there.")] = 1700
    power_dbm: Power = 14
