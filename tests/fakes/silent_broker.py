"""A platform that accepts everything and acknowledges as much as it is told to.

Speaks enough MQTT 3.1.1 for a publisher: CONNACK, PINGRESP, and PUBACK while `acknowledging` is set. What
it was sent is in `published`, acknowledged or not.
"""

import asyncio
from dataclasses import dataclass, field

_CONNECT, _PUBLISH, _PINGREQ, _DISCONNECT = 1, 3, 12, 14


@dataclass
class SilentBroker:
    acknowledging: bool = False
    published: list[tuple[str, bytes]] = field(default_factory=list)
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

    def acknowledge_all(self) -> None:
        """Sends every PUBACK that is owed to a connection that is still there."""
        for writer, puback in self._owed:
            if writer in self._writers:
                writer.write(puback)
        self._owed.clear()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                kind, flags, body = await _packet(reader)
                if kind == _CONNECT:
                    writer.write(b"\x20\x02\x00\x00")
                elif kind == _PINGREQ:
                    writer.write(b"\xd0\x00")
                elif kind == _PUBLISH:
                    self._publish(flags, body, writer)
                elif kind == _DISCONNECT:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._writers.discard(writer)
            writer.close()

    def _publish(self, flags: int, body: bytes, writer: asyncio.StreamWriter) -> None:
        end = 2 + int.from_bytes(body[:2], "big")
        assert flags >> 1 & 3 == 1, "expected QoS 1"
        self.published.append((body[2:end].decode(), body[end + 2 :]))
        self._owed.append((writer, b"\x40\x02" + body[end : end + 2]))
        if self.acknowledging:
            self.acknowledge_all()


async def _packet(reader: asyncio.StreamReader) -> tuple[int, int, bytes]:
    first = (await reader.readexactly(1))[0]
    size = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 127) << shift
        shift += 7
        if not byte & 128:
            return first >> 4, first & 15, await reader.readexactly(size)
