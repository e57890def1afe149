"""The gateway's side of the node broker: our own, which is started here, or another one."""

import secrets
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path

import aiomqtt
from msgspec import Struct

from lyhord_gateway.mqtt.client import make_client
from lyhord_gateway.node_broker.accounts import GATEWAY, kept_name
from lyhord_gateway.node_broker.broker import EmbeddedBroker, Engine, Mosquitto, Rumqttd
from lyhord_gateway.options.address import LOOPBACK, free_port, from_here, is_here, with_port
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.mqtt_url import MqttUrl
from lyhord_gateway.options.secret import Credentials
from lyhord_gateway.support.metrics import Metrics


class OwnBroker(Struct, frozen=True, kw_only=True):
    """The embedded broker. accounts: it is for others too, so nobody comes in without one. certificate: files
    of its certificate and key; then it speaks TLS only."""

    listen: str
    port: int
    certificate: tuple[Path, Path] | None = None

    @property
    def accounts(self) -> bool:
        return self.certificate is not None or not is_here(self.listen)


class NodeBroker:
    """data_dir: of the gateway. nodes: those that may have an account now. embedded: the brokers of our own
    that somebody has asked for, not yet started."""

    def __init__(self, data_dir: Path, nodes: Callable[[], Collection[int]], metrics: Metrics) -> None:
        self._data_dir = data_dir
        self._nodes = nodes
        self._metrics = metrics
        self.embedded: list[EmbeddedBroker] = []

    def connect(self, broker: Endpoint | OwnBroker) -> Callable[..., aiomqtt.Client]:
        """Makes clients for it; their arguments are those of `make_client`. Nobody can know our client
        identifier, and take the connection with it. Another broker keeps a session for us, and so what nodes
        say while we are restarted."""
        if isinstance(broker, Endpoint):
            identifier = f"lyhord-gateway-{kept_name(self._data_dir)}"
            return partial(make_client, broker, identifier, clean_session=False)
        identifier = f"lyhord-gateway-{secrets.token_hex(8)}"
        return partial(make_client, self._embed(broker), identifier, clean_session=True)

    def _embed(self, own: OwnBroker) -> Endpoint:
        """The address at which the gateway itself reaches it."""
        folder = self._data_dir / "broker"
        url = MqttUrl(from_here(own.listen), own.port, False)
        if not own.accounts:
            engine: Engine = Rumqttd(folder, with_port(own.listen, own.port))
            self.embedded.append(EmbeddedBroker(own.listen, own.port, engine, self._metrics))
            return Endpoint(url=url)
        inner = None
        if own.certificate is not None:
            inner = free_port()
            url = MqttUrl(LOOPBACK, inner, False)
        password = secrets.token_hex(16)
        engine = Mosquitto(folder, own.listen, own.port, self._nodes, password, own.certificate, inner)
        self.embedded.append(EmbeddedBroker(own.listen, own.port, engine, self._metrics))
        return Endpoint(url=url, credentials=Credentials(GATEWAY, password))
