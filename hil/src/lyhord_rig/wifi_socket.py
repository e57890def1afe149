"""TCP for boards: each socket is carried by a real connection of the world's process."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

from .board_call import Answer, Call, failed
from .board_process import Op
from .wifi import Station
from .world import World

_RECEIVE_MAX = 16384
_SEND_MAX = 65536
_SOCKETS_MAX = 10  # CONFIG_LWIP_MAX_SOCKETS
_EAI_FAIL = -202
_POLLIN, _POLLOUT, _POLLERR, _POLLHUP = 1, 4, 8, 16

Block = Callable[[Call, Callable[[], Answer | None], int, Answer], Answer | None]


class Connection(asyncio.Protocol):
    """One socket of a board. asyncio's callbacks enter the world as events."""

    def __init__(self, world: World, changed: Callable[[], None]) -> None:
        self._world = world
        self._changed = changed
        self._transport: asyncio.Transport | None = None
        self._paused = False
        self.received = bytearray()
        self.connected = False
        self.ended = False
        self.error = 0
        self.dial: asyncio.Task[None] | None = None

    async def _dial(self, host: str, port: int) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        except OSError as error:
            self._world.post(self._failed, error.errno or errno.EHOSTUNREACH, label="tcp refused")

    def start(self, host: str, port: int) -> None:
        self._world.expect_reply(self)
        self.dial = asyncio.get_running_loop().create_task(self._dial(host, port))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        if self.ended:
            transport.abort()
            return
        self._transport = transport
        self._world.post(self._connected, label="tcp connected")

    def data_received(self, data: bytes) -> None:
        self._world.post(self._received, data, label="tcp data")

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        reset = isinstance(exc, OSError)
        self._world.post(self._failed, errno.ECONNRESET if reset else 0, label="tcp closed")

    def _connected(self) -> None:
        self._world.reply_seen(self)
        self.connected = True
        self._changed()

    def _received(self, data: bytes) -> None:
        self._world.reply_seen(self)
        self.received += data
        if len(self.received) > _RECEIVE_MAX and self._transport is not None:
            self._transport.pause_reading()
            self._paused = True
        self._changed()

    def _failed(self, number: int) -> None:
        self._world.reply_seen(self)
        self.ended = True
        self.error = self.error or number
        self._changed()

    def take(self, size: int) -> bytes:
        data = bytes(self.received[:size])
        del self.received[:size]
        if self._paused and len(self.received) < _RECEIVE_MAX // 2 and self._transport is not None:
            self._transport.resume_reading()
            self._paused = False
        return data

    def broken(self) -> Answer | None:
        """The error that every use gives from now on, None while it is whole."""
        return failed(self.error or errno.ECONNRESET) if self.error or self.ended else None

    def full(self) -> bool:
        return self._transport is not None and self._transport.get_write_buffer_size() > _SEND_MAX

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
            self._world.expect_reply(self)

    def drop(self, orderly: bool) -> None:
        """Close: with what was sent still delivered, or as when the board vanishes."""
        self._world.reply_seen(self)
        self.ended = True
        if self.dial is not None:
            self.dial.cancel()
        if self._transport is not None:
            if orderly:
                self._transport.close()
            else:
                self._transport.abort()


class Sockets:
    def __init__(self, world: World, station: Station, block: Block, changed: Callable[[], None]) -> None:
        self._world = world
        self._station = station
        self._block = block
        self._changed = changed
        self._open: dict[int, Connection] = {}
        self._dials: set[asyncio.Task[None]] = set()
        self._next = 1
        station.on_lost.append(self._link_lost)
        self.handlers: dict[Op, Callable[[Call], Answer | None]] = {
            Op.RESOLVE: self._resolve,
            Op.SOCK_OPEN: self._new,
            Op.SOCK_CONNECT: self._connect,
            Op.SOCK_SEND: self._send,
            Op.SOCK_RECV: self._recv,
            Op.SOCK_CLOSE: self._close,
        }

    def reset(self) -> None:
        """The board restarts or loses power: its connections are aborted."""
        for connection in self._open.values():
            connection.drop(orderly=False)
        self._open.clear()

    async def close(self) -> None:
        self.reset()
        await asyncio.gather(*self._dials, return_exceptions=True)

    def _link_lost(self) -> None:
        for connection in self._open.values():
            connection.drop(orderly=False)
            connection.error = errno.ECONNABORTED
        self._changed()

    def events(self, number: int) -> int:
        """poll() flags of a socket."""
        connection = self._open.get(number)
        if connection is None:
            return 0x20
        if connection.ended:
            return _POLLIN | _POLLOUT | _POLLHUP | (_POLLERR if connection.error else 0)
        return (_POLLIN if connection.received else 0) | (_POLLOUT if connection.connected else 0)

    def _resolve(self, call: Call) -> Answer:
        point = self._station.access_point
        address = point.address_of(call.request.data.decode()) if point is not None else None
        return Answer(0, 0, address.encode()) if address is not None else failed(_EAI_FAIL)

    def _new(self, call: Call) -> Answer:
        if len(self._open) >= _SOCKETS_MAX:
            return failed(errno.ENFILE)
        number = self._next
        self._next = number % 30000 + 1
        self._open[number] = Connection(self._world, self._changed)
        return Answer(number)

    def _connect(self, call: Call) -> Answer | None:
        connection = self._open.get(call.request.a)
        if connection is None:
            return failed(errno.EBADF)
        point = self._station.access_point
        host = call.request.data.decode().split("\0")[0]
        route = point.route(host) if point is not None else None
        if route is None:
            return failed(errno.EHOSTUNREACH)
        connection.start(*route)
        if connection.dial is not None:
            self._dials.add(connection.dial)
            connection.dial.add_done_callback(self._dials.discard)

        def done() -> Answer | None:
            return connection.broken() or (Answer() if connection.connected else None)

        late = failed(errno.EINPROGRESS if call.request.b == 0 else errno.ETIMEDOUT)
        return self._block(call, done, call.request.b, late)

    def _send(self, call: Call) -> Answer | None:
        connection = self._open.get(call.request.a)
        if connection is None:
            return failed(errno.EBADF)
        broken = connection.broken()
        if broken is not None:
            return broken
        if not connection.connected:
            return failed(errno.ENOTCONN)
        if connection.full():
            # A peer that stopped reading: the firmware has to stand the timeout.
            late = failed(errno.EAGAIN if call.request.b == 0 else errno.ETIMEDOUT)
            return self._block(call, connection.broken, call.request.b, late)
        connection.send(call.request.data)
        return Answer(len(call.request.data))

    def _recv(self, call: Call) -> Answer | None:
        number, size = call.request.a & 0xFFFF, call.request.a >> 16
        connection = self._open.get(number)
        if connection is None:
            return failed(errno.EBADF)

        def take() -> Answer | None:
            if connection.received:
                return Answer(0, 0, connection.take(size))
            if connection.error:
                return failed(connection.error)
            if connection.ended:
                return Answer(0)
            return None

        if not connection.connected and not connection.ended:
            return failed(errno.ENOTCONN)
        late = failed(errno.EAGAIN if call.request.b == 0 else errno.ETIMEDOUT)
        answer = self._block(call, take, call.request.b, late)
        if answer is None:
            self._world.expect_reply(connection)
        return answer

    def _close(self, call: Call) -> Answer:
        connection = self._open.pop(call.request.a, None)
        if connection is not None:
            connection.drop(orderly=True)
        return Answer()
