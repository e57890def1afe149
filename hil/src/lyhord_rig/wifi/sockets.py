"""TCP for boards: a socket is carried by a real connection of the world's process, or leads to a server in
the world, by what the access point has behind a name."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable

from ..board.call import Answer, Call, failed
from ..board.process import Op
from ..world.clock import World
from .station import Peer, Server, Station

_RECEIVE_MAX = 16384
_SEND_MAX = 65536
_ONE_WAY_US = 5_000
_SOCKETS_MAX = 10  # CONFIG_LWIP_MAX_SOCKETS
_EAI_FAIL = -202
_POLLIN, _POLLOUT, _POLLERR, _POLLHUP = 1, 4, 8, 16

Block = Callable[[Call, Callable[[], Answer | None], int, Answer], Answer | None]


class Connection:
    """One socket of a board; this one is not connected to anything yet."""

    def __init__(self, world: World, changed: Callable[[], None]) -> None:
        self._world = world
        self._changed = changed
        self.received = bytearray()
        self.connected = False
        self.ended = False
        self.error = 0

    def _connected(self) -> None:
        self.connected = True
        self._changed()

    def _failed(self, number: int) -> None:
        self.ended = True
        self.error = self.error or number
        self._changed()

    def take(self, size: int) -> bytes:
        data = bytes(self.received[:size])
        del self.received[:size]
        return data

    def broken(self) -> Answer | None:
        """The error that every use gives from now on, None while it is whole."""
        return failed(self.error or errno.ECONNRESET) if self.error or self.ended else None

    def full(self) -> bool:
        """True if the peer has stopped reading."""
        return False

    def send(self, data: bytes) -> None:
        """Only for one that is connected."""

    def drop(self, orderly: bool) -> None:
        """Close: with what was sent still delivered, or as when the board vanishes."""
        self.ended = True


class TcpConnection(Connection, asyncio.Protocol):
    """Carried by a real connection. asyncio's callbacks enter the world as events."""

    def __init__(self, world: World, changed: Callable[[], None], host: str, port: int) -> None:
        super().__init__(world, changed)
        self._transport: asyncio.Transport | None = None
        self._paused = False
        world.expect_reply(self)
        self.dial = asyncio.get_running_loop().create_task(self._dial(host, port))

    async def _dial(self, host: str, port: int) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, host, port)
        except OSError as error:
            self._world.post(self._failed, error.errno or errno.EHOSTUNREACH, label="tcp refused")

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
        super()._connected()

    def _received(self, data: bytes) -> None:
        self._world.reply_seen(self)
        self.received += data
        if len(self.received) > _RECEIVE_MAX and self._transport is not None:
            self._transport.pause_reading()
            self._paused = True
        self._changed()

    def _failed(self, number: int) -> None:
        self._world.reply_seen(self)
        super()._failed(number)

    def take(self, size: int) -> bytes:
        data = super().take(size)
        if self._paused and len(self.received) < _RECEIVE_MAX // 2 and self._transport is not None:
            self._transport.resume_reading()
            self._paused = False
        return data

    def full(self) -> bool:
        return self._transport is not None and self._transport.get_write_buffer_size() > _SEND_MAX

    def send(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)
            self._world.expect_reply(self)

    def drop(self, orderly: bool) -> None:
        self._world.reply_seen(self)
        super().drop(orderly)
        self.dial.cancel()
        if self._transport is not None:
            if orderly:
                self._transport.close()
            else:
                self._transport.abort()


class WorldConnection(Connection):
    """To a server inside the world: nothing but virtual time passes. It is the server's `Line`, too."""

    def __init__(self, world: World, changed: Callable[[], None], server: Server) -> None:
        super().__init__(world, changed)
        self._peer: Peer | None = None
        world.call_later(_ONE_WAY_US, self._accept, server, label="line opened")

    def _accept(self, server: Server) -> None:
        if self.ended:
            return
        self._peer = server.accept(self)
        if self._peer is None:
            self._world.call_later(_ONE_WAY_US, self._failed, errno.ECONNREFUSED, label="line refused")
        else:
            self._world.call_later(_ONE_WAY_US, self._connected, label="line connected")

    def send(self, data: bytes) -> None:
        self._world.call_later(_ONE_WAY_US, self._deliver, data, label="line up")

    def _deliver(self, data: bytes) -> None:
        if self._peer is not None:
            self._peer.received(data)

    def drop(self, orderly: bool) -> None:
        if not self.ended:
            super().drop(orderly)
            self._world.call_later(_ONE_WAY_US, self._gone, label="line closed")

    def _gone(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            peer.closed()

    # -- the server's side -------------------------------------------------------------------------

    def say(self, data: bytes) -> None:
        self._world.call_later(_ONE_WAY_US, self._hear, data, label="line down")

    def _hear(self, data: bytes) -> None:
        if not self.ended:
            self.received += data
            self._changed()

    def hang_up(self) -> None:
        self._peer = None
        self._world.call_later(_ONE_WAY_US, self._failed, errno.ECONNRESET, label="line hung up")


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

    def expected(self, number: int) -> None:
        """The board waits for what a socket receives."""
        connection = self._open.get(number)
        if isinstance(connection, TcpConnection):
            self._world.expect_reply(connection)

    def _resolve(self, call: Call) -> Answer | None:
        point = self._station.access_point
        address = point.address_of(call.request.data.decode()) if point is not None else None
        answer = Answer(0, 0, address.encode()) if address is not None else failed(_EAI_FAIL)
        if point is None or not point.resolves_after_s:
            return answer
        return self._block(call, lambda: None, int(point.resolves_after_s * 1_000_000), answer)

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
        connection = self._open[call.request.a] = self._dial(route)

        def done() -> Answer | None:
            return connection.broken() or (Answer() if connection.connected else None)

        late = failed(errno.EINPROGRESS if call.request.b == 0 else errno.ETIMEDOUT)
        return self._block(call, done, call.request.b, late)

    def _dial(self, route: Server | tuple[str, int]) -> Connection:
        if not isinstance(route, tuple):
            return WorldConnection(self._world, self._changed, route)
        carried = TcpConnection(self._world, self._changed, *route)
        self._dials.add(carried.dial)
        carried.dial.add_done_callback(self._dials.discard)
        return carried

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
            self.expected(number)
        return answer

    def _close(self, call: Call) -> Answer:
        connection = self._open.pop(call.request.a, None)
        if connection is not None:
            connection.drop(orderly=True)
        return Answer()
