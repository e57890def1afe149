"""Addresses of MQTT brokers: mqtt://host:port and mqtts://host:port."""

from dataclasses import dataclass
from urllib.parse import urlsplit

_PORTS = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class MqttUrl:
    host: str
    port: int
    tls: bool

    def __str__(self) -> str:
        return f"{'mqtts' if self.tls else 'mqtt'}://{self.host}:{self.port}"


def parse_mqtt_url(text: str) -> MqttUrl:
    """The address in `text`; raises ValueError with what was expected."""
    expected = "expected mqtt://host:port or mqtts://host:port"
    parts = urlsplit(text)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(expected)
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{expected}; user and password belong into a credentials file")
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(expected)
    try:
        port = parts.port
    except ValueError as error:
        raise ValueError(f"{expected} with a port up to 65535") from error
    return MqttUrl(parts.hostname, port or _PORTS[parts.scheme], parts.scheme == "mqtts")
