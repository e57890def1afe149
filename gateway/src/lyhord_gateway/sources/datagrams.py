"""A UDP socket that is read in batches, and not at all while the store has no room: datagrams wait in the
kernel then. Asyncio's own transport takes one at a wake-up, into a fresh buffer of 256 KiB."""

import asyncio
import socket
from collections.abc import Callable

Address = tuple[str | int, ...]

_BUFFER = 4 << 20  # bytes that the kernel may hold while we are busy, or the store is
_AT_ONCE = 32  # datagrams taken at one wake-up, before others have their turn
_DATAGRAM_MAX = 65_535  # the longest that UDP can carry, and a little more


class Datagrams:
    """An open socket; leave it by `with`. take: gets each datagram and where it came from. room: is set while
    datagrams are to be taken."""

    def __init__(
        self, bound: socket.socket, take: Callable[[bytes, Address], None], room: asyncio.Event
    ) -> None:
        self._socket = bound
        self._take = take
        self._room = room
        self._buffer = memoryview(bytearray(_DATAGRAM_MAX))

    @classmethod
    async def bind(
        cls, host: str, port: int, take: Callable[[bytes, Address], None], room: asyncio.Event
    ) -> "Datagrams":
        """Raises OSError."""
        family, kind, _, _, where = (
            await asyncio.get_running_loop().getaddrinfo(
                host, port, type=socket.SOCK_DGRAM, flags=socket.AI_PASSIVE
            )
        )[0]
        bound = socket.socket(family, kind)
        try:
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            bound.bind(where)
        except OSError:
            bound.close()
            raise
        return cls(bound, take, room)

    @property
    def address(self) -> Address:
        address: Address = self._socket.getsockname()
        return address

    def send(self, datagram: bytes, address: Address) -> bool:
        """False if the kernel does not take it: no buffer, no route. One datagram is lost, as any may be."""
        try:
            self._socket.sendto(datagram, address)
        except OSError:
            return False
        return True

    async def receive(self, seconds: float) -> None:
        """Takes datagrams for so long, or until the store has no room; then returns when it has. Raises
        OSError."""
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[None] = loop.create_future()
        loop.add_reader(self._socket, self._readable, ended)
        try:
            await asyncio.wait([ended], timeout=seconds)
        finally:
            loop.remove_reader(self._socket)
        if ended.done():
            ended.result()
        await self._room.wait()

    def _readable(self, ended: asyncio.Future[None]) -> None:
        try:
            for _ in range(_AT_ONCE):
                if not self._room.is_set():
                    break
                size, source = self._socket.recvfrom_into(self._buffer)
                self._take(bytes(self._buffer[:size]), source)
            else:
                return
        except BlockingIOError:
            return
        except OSError as error:
            if not ended.done():
                ended.set_exception(error)
            return
        if not ended.done():
            ended.set_result(None)

    def __enter__(self) -> "Datagrams":
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()
