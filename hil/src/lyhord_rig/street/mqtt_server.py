"""An MQTT 3.1.1 broker inside a world, as far as a node needs one: it costs virtual time only.

What a node publishes goes to `on_message`; `publish` reaches whoever is subscribed at that moment. Sections
are those of the OASIS standard. What a node must not send ends its connection and is counted in `junk`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..wifi.station import Line

_CONNECT, _CONNACK, _PUBLISH, _PUBACK = 1, 2, 3, 4
_SUBSCRIBE, _SUBACK, _PINGREQ, _PINGRESP, _DISCONNECT = 8, 9, 12, 13, 14
_RESERVED = 2  # flags that a SUBSCRIBE must have (3.8.1)


class MqttServer:
    """on_message(topic, payload). `listening` False: connections are refused (see `stop`)."""

    def __init__(self, on_message: Callable[[str, bytes], None]) -> None:
        self.on_message = on_message
        self.listening = True
        self.connections = 0
        self.junk = 0
        self._clients: set[_Client] = set()

    def accept(self, line: Line) -> _Client | None:
        if not self.listening:
            return None
        self.connections += 1
        client = _Client(self, line)
        self._clients.add(client)
        return client

    def stop(self) -> None:
        """The broker goes down: what is connected finds its connection reset."""
        self.listening = False
        for client in self._clients:
            client.line.hang_up()
        self._clients.clear()

    def start(self) -> None:
        self.listening = True

    def publish(self, topic: str, payload: bytes) -> int:
        """With QoS 1 to every subscriber of exactly this topic; how many there are."""
        clients = [client for client in self._clients if topic in client.topics]
        for client in clients:
            client.deliver(topic, payload)
        return len(clients)

    def forget(self, client: _Client) -> None:
        self._clients.discard(client)


class _Client:
    """One connection of one node."""

    def __init__(self, server: MqttServer, line: Line) -> None:
        self.line = line
        self.topics: set[str] = set()
        self._server = server
        self._buffer = bytearray()
        self._packet_id = 0

    def deliver(self, topic: str, payload: bytes) -> None:
        self._packet_id = self._packet_id % 0xFFFF + 1
        body = _text(topic) + self._packet_id.to_bytes(2, "big") + payload
        self.line.say(_packet(_PUBLISH, body, 0b0010))

    def received(self, data: bytes) -> None:
        self._buffer += data
        for kind, flags, body in self._packets():
            try:
                self._handle(kind, flags, body)
            except (IndexError, UnicodeDecodeError):
                self._refuse()
                return

    def closed(self) -> None:
        self._server.forget(self)

    def _packets(self) -> Iterator[tuple[int, int, bytes]]:
        while True:
            size, at = 0, 1
            while at < len(self._buffer) and self._buffer[at] & 0x80:
                size |= (self._buffer[at] & 0x7F) << 7 * (at - 1)
                at += 1
            if at >= len(self._buffer):
                return
            size |= self._buffer[at] << 7 * (at - 1)
            end = at + 1 + size
            if len(self._buffer) < end:
                return
            head, body = self._buffer[0], bytes(self._buffer[at + 1 : end])
            del self._buffer[:end]
            yield head >> 4, head & 0x0F, body

    def _handle(self, kind: int, flags: int, body: bytes) -> None:
        if kind == _CONNECT:
            self.line.say(_packet(_CONNACK, b"\0\0"))
        elif kind == _SUBSCRIBE and flags == _RESERVED:
            topic, _ = _taken(body[2:])
            self.topics.add(topic)
            self.line.say(_packet(_SUBACK, body[:2] + b"\x01"))
        elif kind == _PUBLISH:
            self._published(flags >> 1 & 3, *_taken(body))
        elif kind == _PINGREQ:
            self.line.say(_packet(_PINGRESP, b""))
        elif kind == _DISCONNECT:
            self._server.forget(self)
        elif kind != _PUBACK:
            self._refuse()

    def _published(self, qos: int, topic: str, rest: bytes) -> None:
        if qos:
            self.line.say(_packet(_PUBACK, rest[:2]))
            rest = rest[2:]
        self._server.on_message(topic, rest)

    def _refuse(self) -> None:
        self._server.junk += 1
        self._server.forget(self)
        self.line.hang_up()


def _text(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(2, "big") + data


def _taken(body: bytes) -> tuple[str, bytes]:
    """A text and what is behind it."""
    size = int.from_bytes(body[:2], "big")
    if len(body) < 2 + size:
        raise IndexError
    return body[2 : 2 + size].decode(), body[2 + size :]


def _packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    size, length = len(body), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes([kind << 4 | flags]) + bytes(length) + body
