"""The section [mqtt]: the broker where WiFi nodes are heard, ours or another one."""

import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from msgspec import Meta, Struct

from lyhord_gateway.node_broker.own_broker import OwnBroker
from lyhord_gateway.options.address import parse_listen
from lyhord_gateway.options.endpoint import Endpoint, read_endpoint, readable
from lyhord_gateway.options.option_types import Port
from lyhord_gateway.options.platform_options import CaFile, Insecure, KeyFile
from lyhord_gateway.options.secret import check_private
from lyhord_gateway.sources.mqtt import NAME, MqttSource
from lyhord_gateway.sources.source import Kind, SourceContext
from lyhord_gateway.support.errors import UserError


class Options(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The broker at which WiFi nodes are heard. Leave this section out if there are none."""

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


def _read(path: Path, options: Sequence[Options]) -> Sequence[Endpoint | OwnBroker]:
    return [_read_one(path, path.resolve().parent, one) for one in options]


def _read_one(path: Path, base: Path, options: Options) -> Endpoint | OwnBroker:
    """The broker; raises UserError."""
    if options.embedded:
        return _read_own_broker(path, base, options)
    if not options.url:
        raise UserError(f"{path}: mqtt.url: expected a broker's address, because mqtt.embedded is false")
    return read_endpoint(path, base, "mqtt", options)


def _read_own_broker(path: Path, base: Path, section: Options) -> OwnBroker:
    """Checks `section`, whose broker is embedded; raises UserError. What cannot count is refused."""
    if section.url:
        raise UserError(f"{path}: mqtt.url: expected no address, because mqtt.embedded is true")
    for key, why in (
        ("credentials", "accounts are made from the registry"),
        ("ca_file", "nodes have no certificates"),
        ("insecure", "it is for mqtt.url"),
    ):
        if getattr(section, key):
            raise UserError(
                f"{path}: mqtt.{key}: expected nothing here, because mqtt.embedded is true: {why}"
            )
    try:
        listen = parse_listen(section.listen)
    except ValueError as error:
        raise UserError(f"{path}: mqtt.listen: {error}") from error
    if bool(section.cert_file) != bool(section.key_file):
        missing = "key_file" if section.cert_file else "cert_file"
        raise UserError(f"{path}: mqtt.{missing}: expected the broker's certificate and key, or neither")
    certificate = readable(path, base, "mqtt.cert_file", section.cert_file)
    if certificate is None:
        return OwnBroker(listen=listen, port=section.port)
    key_file = base / section.key_file
    check_private(f"{path}: mqtt.key_file", key_file)
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key_file, password="")
    except OSError as error:
        raise UserError(
            f"{path}: mqtt.cert_file: expected a certificate (PEM) that belongs to mqtt.key_file, and that "
            f"without a passphrase ({error})"
        ) from error
    return OwnBroker(listen=listen, port=section.port, certificate=(certificate, key_file))


def _make(brokers: Sequence[Endpoint | OwnBroker], around: SourceContext) -> list[MqttSource]:
    return [MqttSource(around.node_broker(broker), around) for broker in brokers]


def _brokers(brokers: Sequence[Endpoint | OwnBroker]) -> Mapping[str, Endpoint]:
    (broker,) = brokers
    return {NAME: broker} if isinstance(broker, Endpoint) else {}


KIND = Kind(
    "mqtt",
    Options,
    repeated=False,
    make=_make,
    parts=lambda _: [NAME],
    read=_read,
    brokers=_brokers,
    radio=False,
    suggested=True,
)
