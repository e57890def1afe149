"""One place that knows how an MQTT client is made: aiomqtt on paho."""

import asyncio
import math
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Self, TypeVar

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import DisconnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from lyhord_gateway.mqtt.buffered_socket import BufferedSocket
from lyhord_gateway.options.endpoint import Endpoint

TIMEOUT_S = 10.0  # for CONNACK, SUBACK, the node broker's PUBACK; then the connection is given up
KEEPALIVE_S = 30
WINDOW = 20  # publishes under way at once; paho slows down with more
# Several publishes under way are several small writes: none of them waits for the peer's delayed TCP ACK.
_NO_DELAY = ((socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),)
_KEEPALIVE_TIMEOUT = 0x8D  # MQTT 5, section 2.4; paho says it with 3.1.1 too
_PROTOCOL_ERROR = 0x82
TAKEN_OVER = 0x8E
_CALLS = 1000  # aiomqtt warns in the log from this many pending calls on

T = TypeVar("T")


class Silent(aiomqtt.MqttError):
    """The peer has not answered in time."""


class ClosedEarly(aiomqtt.MqttError):
    """The peer has closed the connection before its CONNACK, or with it."""


class HungUp(aiomqtt.MqttError):
    """The peer has ended the connection with a DISCONNECT (MQTT 5, section 3.14). code: its reason."""

    def __init__(self, reason: ReasonCode) -> None:
        super().__init__(f"the broker hung up: {reason} (0x{reason.value:02x})")
        self.code = reason.value


class SubscriptionRefused(aiomqtt.MqttError):
    """The SUBACK says no (MQTT 5, section 3.9.3; 3.1.1 has one code for it): nothing would ever come."""


class Client(aiomqtt.Client):
    """aiomqtt's client, with what five years in the field ask for; neither library offers a place for that,
    so some of their insides are met.

    - A message under a topic that cannot be (wildcards in it, no UTF-8) does not cost the connection: not
      every broker refuses those, and a retained one would come again for ever.
    - A peer that hangs up before its CONNACK is not waited for: with TLS 1.3 that is how it refuses a client
      certificate, after a handshake that has succeeded here (RFC 8446, section 4.4.2.4). One that hangs up
      right after it is not connected.
    - A subscription that is refused is not one.
    - Why a connection was lost is said in words, as the cause of aiomqtt's exception.
    - Its socket is a `BufferedSocket`.

    impossible: is called for each such message.
    """

    def __init__(
        self, *arguments: Any, impossible: Callable[[], None] = lambda: None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.pending_calls_threshold = _CALLS
        self._impossible = impossible
        self._create: Callable[[], Any] = self._client._create_socket
        self._client._create_socket = self._open  # type: ignore[method-assign]
        self._socket: BufferedSocket | None = None
        self._entered = False
        self._gone: aiomqtt.MqttError | None = None  # before we were told of the CONNACK: why

    def _open(self) -> BufferedSocket:
        self._socket = BufferedSocket(self._create())
        return self._socket

    async def __aenter__(self) -> Self:
        try:
            await super().__aenter__()
            if self._gone is not None:
                raise self._gone
            self._entered = True
        finally:
            if not self._entered:
                self._client._sock_close()
        return self

    async def subscribe(self, topic: Any, *arguments: Any, **options: Any) -> Any:
        """Like `aiomqtt.Client.subscribe`; raises SubscriptionRefused too."""
        granted = await super().subscribe(topic, *arguments, **options)
        for reason in granted:
            if isinstance(reason, ReasonCode) and reason.is_failure:
                raise SubscriptionRefused(
                    f"the broker refuses a subscription to {topic}: {reason} (0x{reason.value:02x})"
                )
        return granted

    def _on_disconnect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        why = self._why(flags, reason_code)
        if not self._entered:
            self._gone = why if isinstance(why, HungUp) else ClosedEarly(str(why))
            early = ClosedEarly(f"closed before CONNACK: {why}")
            self._loop.call_soon_threadsafe(_fail, self._connected, early)
            return
        if reason_code.is_failure:
            _fail(self._disconnected, why)
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _why(self, flags: DisconnectFlags, reason_code: ReasonCode) -> aiomqtt.MqttError:
        if flags.is_disconnect_packet_from_server:
            return HungUp(reason_code)
        if reason_code.value == _KEEPALIVE_TIMEOUT:
            return aiomqtt.MqttError("no answer to a ping")
        if reason_code.value == _PROTOCOL_ERROR:
            return aiomqtt.MqttError("what the broker says is no MQTT")
        lost = self._socket.lost if self._socket is not None else None
        return aiomqtt.MqttError(str(lost or "the broker hung up without a word"))

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:  # noqa: ASYNC109
        """asyncio.wait_for, which aiomqtt calls here, forgets in Python 3.11 that its task was cancelled when
        the answer comes in the same turn of the loop (gh-86296): that task would go on for ever."""
        if timeout is None:
            timeout = self.timeout
        try:
            async with asyncio.timeout(None if timeout == math.inf else timeout):
                return await fut
        except TimeoutError:
            raise Silent("Operation timed out") from None

    def _on_message(self, client: PahoClient, userdata: Any, message: MQTTMessage) -> None:
        try:
            super()._on_message(client, userdata, message)
        except ValueError:  # of aiomqtt's Topic; UnicodeDecodeError is one
            self._impossible()

    def _on_socket_register_write(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        """Comes from the thread that connects, too: when the loop hears of it, the connection may be gone."""
        self._loop.call_soon_threadsafe(self._watch_writing, client, sock)

    def _watch_writing(self, client: PahoClient, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.add_writer(sock.fileno(), client.loop_write)

    def _on_socket_unregister_write(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        """Paho has written all that it had: now it goes out, at once or when the socket takes it."""
        super()._on_socket_unregister_write(client, userdata, sock)
        try:
            if not sock.flush():
                client._call_socket_register_write()
        except OSError:
            return  # the connection is lost: reading says so, in the way that both libraries understand


def _fail(future: asyncio.Future[None], why: aiomqtt.MqttError) -> None:
    if not future.done():
        future.set_exception(why)
        future.exception()  # seen: when nobody waits any more, asyncio need not report it


def make_client(
    endpoint: Endpoint,
    identifier: str | None = None,
    impossible: Callable[[], None] = lambda: None,
    **options: Any,
) -> Client:
    """A client that is not connected yet. TLS verifies host name and chain. Raises OSError
    (ssl.SSLError is one) when certificate files cannot be used.

    impossible: see `Client`. options: further arguments of aiomqtt.Client.
    """
    return Client(
        *address(endpoint), impossible=impossible, identifier=identifier, **settings(endpoint), **options
    )


def address(endpoint: Endpoint) -> tuple[str, int]:
    return endpoint.url.host, endpoint.url.port


def settings(endpoint: Endpoint) -> dict[str, Any]:
    """The arguments of aiomqtt.Client that every client of ours has."""
    credentials = endpoint.credentials
    return {
        "username": credentials.user if credentials else None,
        "password": credentials.password if credentials else None,
        "timeout": TIMEOUT_S,
        "keepalive": KEEPALIVE_S,
        "max_inflight_messages": WINDOW,
        "socket_options": _NO_DELAY,
        "tls_context": endpoint.tls_context(),
    }


def cause_of(error: BaseException) -> BaseException:
    """An exception of aiomqtt's may tell only where the loss was noticed; the reason is its cause."""
    return error.__cause__ or error


def why_lost(error: BaseException) -> str:
    """In words."""
    return str(cause_of(error))


async def watch(client: aiomqtt.Client) -> None:
    """Raises MqttError as soon as the connection is gone; for a client whose messages nobody else reads."""
    async for _ in client.messages:
        pass
