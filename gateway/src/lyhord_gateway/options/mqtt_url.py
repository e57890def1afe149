"""Addresses of MQTT brokers: mqtt://host:port and mqtts://host:port."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from lyhord_gateway.options.address import parse_host, with_port

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class MqttUrl:
    """host: a name, or an IP address without brackets."""

    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{with_port(self.host, self.port)}"


def parse_mqtt_url(text: str) -> MqttUrl:
    """The address in `text`; raises ValueError with what was expected."""
    expected = "expected mqtt://host:port or mqtts://host:port"
    try:
        parts = urlsplit(text)
        host = parts.hostname
    except ValueError as error:  # brackets that hold no IPv6 address
        raise ValueError(expected) from error
    if parts.scheme not in _PORTS or not host:
        raise ValueError(expected)
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{expected}; user and password belong into a credentials file")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(expected)
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{expected} with a port up to 65535") from error
    if port == 0:
        raise ValueError(f"{expected} with a port from 1 on")
    return MqttUrl(parse_host(host), port or _PORTS[parts.scheme], parts.scheme == "mqtts")
