"""The options of the broker for WiFi nodes. Those of other sources stand beside them, in `sources/`."""

from typing import Annotated

from msgspec import Meta, Struct

from lyhord_gateway.config.option_types import Port
from lyhord_gateway.config.platform_options import CaFile, Insecure, KeyFile


class Mqtt(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where WiFi nodes are heard. Leave this section out if there are none."""

    embedded: Annotated[
        bool,
        Meta(
            description="Run a broker of our own for the nodes. On another address than loopback, or with "
            "TLS, it is a Mosquitto (Debian package), with an account for each node: lyhord-gateway nodes "
            "account."
        ),
    ] = True
    listen: Annotated[
        str,
        Meta(
            description="IP address on which the embedded broker listens. 127.0.0.1: this machine only; "
            "0.0.0.0 or the address of a network's interface: nodes, with their accounts; :: and [::1] will "
            "do too."
        ),
    ] = "127.0.0.1"
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
    insecure: Insecure = False
    ca_file: CaFile = ""
    cert_file: Annotated[
        str,
        Meta(
            description="Client certificate (PEM); of the embedded broker: its own, and then it speaks TLS "
            "only.",
            examples=["client.pem"],
        ),
    ] = ""
    key_file: KeyFile = ""
