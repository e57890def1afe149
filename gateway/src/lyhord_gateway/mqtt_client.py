"""One place that knows how an MQTT client is made: aiomqtt on paho."""

import socket
import ssl
from typing import Any

import aiomqtt

from lyhord_gateway.config import Endpoint

TIMEOUT_S = 10.0  # for CONNACK, SUBACK, PUBACK; when it passes, the connection is given up
KEEPALIVE_S = 30
WINDOW = 20  # publishes under way at once; paho slows down with more
# Several publishes under way are several small writes: none of them waits for the peer's delayed TCP ACK.
_NO_DELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
_CALLS = 1000  # aiomqtt warns in the log from this many pending calls on


def make_client(endpoint: Endpoint, identifier: str | None = None, **options: Any) -> aiomqtt.Client:
    """A client that is not connected yet. TLS verifies host name and chain. Raises OSError or
    ssl.SSLError when certificate files cannot be used.

    options: further arguments of aiomqtt.Client.
    """
    credentials = endpoint.credentials
    client = aiomqtt.Client(
        endpoint.url.host,
        endpoint.url.port,
        username=credentials.user if credentials else None,
        password=credentials.password if credentials else None,
        identifier=identifier,
        timeout=TIMEOUT_S,
        keepalive=KEEPALIVE_S,
        max_inflight_messages=WINDOW,
        socket_options=_NO_DELAY,
        tls_context=_tls(endpoint) if endpoint.url.tls else None,
        **options,
    )
    client.pending_calls_threshold = _CALLS
    return client


def _tls(endpoint: Endpoint) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=endpoint.ca_file)
    if endpoint.cert_file is not None:
        context.load_cert_chain(endpoint.cert_file, endpoint.key_file)
    return context


async def watch(client: aiomqtt.Client) -> None:
    """Raises MqttError as soon as the connection is gone; for a client whose messages nobody else reads."""
    async for _ in client.messages:
        pass
