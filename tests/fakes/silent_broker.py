"""A platform that accepts everything and acknowledges as much as it is told to.

Speaks enough MQTT 3.1.1 and 5 for a publisher: CONNACK, PINGRESP, a SUBACK that refuses, and PUBACK while
`acknowledging` is set.
What it was sent is in `published`, acknowledged or not. With MQTT 5, `reason` says what a payload's PUBACK
has for a reason, and at most `receive_maximum` messages may be under way, of `packet_max` bytes each. A
payload that `poison` holds for such ends the connection, as does a topic that is `forbidden`. `older` is how
one refuses MQTT 5 that does not know it: a CONNACK of 3.1.1, or "" for none at all. `connack` gives a
CONNACK its reason out of the connect flags. `keeps` and `qos_max` are told in a CONNACK of MQTT 5; who
publishes otherwise is hung up on. It hangs up `ack_timeout_s` after a CONNACK. SUBACKs, and PUBACKs while
`acknowledging`, take `delay_s`.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

_CONNECT, _PUBLISH, _SUBSCRIBE, _PINGREQ, _DISCONNECT = 1, 3, 8, 12, 14


@dataclass
class SilentBroker:
    acknowledging: bool = False
    reason: Callable[[bytes], int] = lambda payload: 0
    poison: Callable[[bytes], bool] = lambda payload: False
    receive_maximum: int = 65_535
    packet_max: int = 268_435_455  # the longest that Paho believes in
    delay_s: float = 0.0
    forbidden: Callable[[str], bool] = lambda topic: False
    older: bytes | None = None
    connack: Callable[[int], int] = lambda flags: 0
    keeps: bool = True
    qos_max: int = 2
    ack_timeout_s: float | None = None
    versions: list[int] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)
    under_way_max: int = 0
    published: list[tuple[str, bytes]] = field(default_factory=list)
    properties: list[bytes] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _server: asyncio.Server | None = None
    _owed: list[tuple[asyncio.StreamWriter, bytes]] = field(default_factory=list)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def __aenter__(self) -> "SilentBroker":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self.drop_all()
        await self._server.wait_closed()

    def drop_all(self) -> None:
        """Resets every connection."""
        for writer in self._writers:
            writer.transport.abort()

    def hang_up(self, reason: int | None = None) -> None:
        """Ends every connection, with MQTT 5 after a DISCONNECT that has a reason."""
        for writer in self._writers:
            writer.write(b"" if reason is None else b"\xe0\x01" + bytes([reason]))
            writer.close()

    def acknowledge_all(self) -> None:
        """Sends every PUBACK that is owed to a connection that is still there."""
        for writer, puback in self._owed:
            if writer in self._writers:
                writer.write(puback)
        self._owed.clear()

    @property
    def owed(self) -> int:
        """Messages that wait for their PUBACK."""
        return len(self._owed)

    def acknowledge_one(self) -> None:
        """Sends the oldest PUBACK that is owed, if its connection is still there."""
        writer, puback = self._owed.pop(0)
        if writer in self._writers:
            writer.write(puback)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        five = False
        try:
            while True:
                kind, flags, body = await _packet(reader)
                if kind == _CONNECT:
                    five = body[6] == 5
                    self.versions.append(body[6])
                    self.flags.append(body[7])
                    if five and self.older is not None:
                        writer.write(self.older)
                        break
                    if reason := self.connack(body[7]):
                        writer.write(b"\x20\x03\x00" + bytes([reason, 0]) if five else b"\x20\x02\x00\x05")
                        break
                    told = b"\x21" + self.receive_maximum.to_bytes(2, "big")
                    told += b"\x27" + self.packet_max.to_bytes(4, "big")
                    if not self.keeps:
                        told += b"\x25\x00"
                    if self.qos_max < 2:
                        told += b"\x24" + bytes([self.qos_max])
                    head = b"\x20" + bytes([3 + len(told)]) + b"\x00\x00" + bytes([len(told)])
                    writer.write(head + told if five else b"\x20\x02\x00\x00")
                    if self.ack_timeout_s is not None:
                        asyncio.get_running_loop().call_later(self.ack_timeout_s, writer.close)
                elif kind == _SUBSCRIBE:
                    suback = b"\x90\x04" + body[:2] + b"\0\x87" if five else b"\x90\x03" + body[:2] + b"\x80"
                    asyncio.get_running_loop().call_later(self.delay_s, writer.write, suback)
                elif kind == _PINGREQ:
                    writer.write(b"\xd0\x00")
                elif kind == _PUBLISH:
                    if not self._publish(flags, body, writer, five):
                        break
                elif kind == _DISCONNECT:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _publish(self, flags: int, body: bytes, writer: asyncio.StreamWriter, five: bool) -> bool:
        end = 2 + int.from_bytes(body[:2], "big")
        assert flags >> 1 & 3 == 1, "expected QoS 1"
        if self.forbidden(body[2:end].decode()):
            return False
        if five and (self.qos_max < 1 or (flags & 1 and not self.keeps)):
            writer.write(b"\xe0\x01" + bytes([0x9A if self.qos_max else 0x9B]))
            return False
        payload = body[end + 2 :]
        if five:
            assert payload[0] < 128, "short properties"
            self.properties.append(payload[1 : 1 + payload[0]])
            payload = payload[1 + payload[0] :]
        self.published.append((body[2:end].decode(), payload))
        if self.poison(payload):
            return False
        reason = self.reason(payload) if five else 0
        head = b"\x40\x03" if reason else b"\x40\x02"
        self._owed.append((writer, head + body[end : end + 2] + bytes([reason] if reason else [])))
        self.under_way_max = max(self.under_way_max, len(self._owed))
        if self.acknowledging and self.delay_s:
            asyncio.get_running_loop().call_later(self.delay_s, self.acknowledge_one)
        elif self.acknowledging:
            self.acknowledge_all()
        return True


async def _packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    first = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return first >> 4, first & 15, await reader.readexactly(size)
