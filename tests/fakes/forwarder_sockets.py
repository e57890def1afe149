"""The two sockets of a concentrator's packet forwarder: one pushes, the other pulls."""

import asyncio
from collections.abc import Callable
from typing import Self


class ForwarderSockets:
    """Open from entering to leaving. `from_up` and `from_down` get what the server sends to each."""

    def __init__(
        self, server: tuple[str, int], from_up: Callable[[bytes], None], from_down: Callable[[bytes], None]
    ) -> None:
        self.server = server
        self._takers = (from_up, from_down)
        self._up: asyncio.DatagramTransport
        self._down: asyncio.DatagramTransport

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._up, self._down = [
            (await loop.create_datagram_endpoint(lambda take=take: _Socket(take), remote_addr=self.server))[0]
            for take in self._takers
        ]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._up.close()
        self._down.close()


class _Socket(asyncio.DatagramProtocol):
    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._take(data)

    def error_received(self, exc: Exception) -> None:
        """The server's port is closed for the moment."""
