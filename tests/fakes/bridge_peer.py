"""A bridge at the other end of a serial line: a pty behind a path that stays the same, or a TCP port.

It behaves: it says what it hears, obeys `Listen`, answers `GetStatus`, and reports every transmission as
sent. Unplug it and plug it in again; let it say junk.
"""

import asyncio
import contextlib
import os
import tty
from abc import ABC, abstractmethod
from pathlib import Path

from lyhord_wire import bridge, cobs


class BridgePeer(ABC):
    """`transmitted` and `listening` are what the host asked for."""

    def __init__(self) -> None:
        self.transmitted: asyncio.Queue[bridge.Transmit] = asyncio.Queue()
        self.listening: asyncio.Queue[bridge.Listen] = asyncio.Queue()
        self.freq_hz = 0
        self.sf = 0
        self.tmst_us = 0xFFFFFF00
        self.result = bridge.SENT
        self._deframer = cobs.Deframer()

    def say(self, message: bridge.Received | bridge.TxResult | bridge.Status | bridge.Log) -> None:
        self.write(cobs.encode(bridge.encode(message)))

    def hear(self, frame: bytes, rssi_dbm: int = -97) -> None:
        """A frame comes in by radio."""
        self.say(bridge.Received(self.tmst_us, rssi_dbm, 26, 868_100_000, 9, frame))

    @abstractmethod
    def write(self, data: bytes) -> None:
        """Says these bytes, whatever they are."""

    def _take(self, data: bytes) -> None:
        for message in self._deframer.feed(data):
            match bridge.decode(message):
                case bridge.Listen() as listen:
                    self.freq_hz, self.sf = listen.freq_hz, listen.sf
                    self.listening.put_nowait(listen)
                case bridge.GetStatus():
                    self.status()
                case bridge.Transmit() as transmit:
                    self.transmitted.put_nowait(transmit)
                    self.say(bridge.TxResult(transmit.token, self.result))

    def status(self) -> None:
        self.say(bridge.Status({0: 1, 1: 5, 2: 0, 3: 0, 4: 0, 5: self.freq_hz, 6: self.sf}))


class PtyBridge(BridgePeer):
    """Plugged in, it is at `path`, a link to a pty."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._master: int | None = None

    def plug_in(self) -> None:
        self._deframer = cobs.Deframer()
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(slave))
        os.close(slave)
        os.set_blocking(self._master, False)
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def unplug(self) -> None:
        if self._master is not None:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)
            self._master = None
            self.path.unlink()

    def write(self, data: bytes) -> None:
        assert self._master is not None
        assert os.write(self._master, data) == len(data)

    def _readable(self) -> None:
        assert self._master is not None
        with contextlib.suppress(OSError):  # EIO while nobody has the other end open
            self._take(os.read(self._master, 4096))


class TcpBridge(BridgePeer):
    """A bridge behind a serial server: socket://127.0.0.1:port."""

    def __init__(self) -> None:
        super().__init__()
        self.port = 0
        self._writer: asyncio.StreamWriter | None = None
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        if self._writer is not None:
            self._writer.transport.abort()
        await self._server.wait_closed()

    def write(self, data: bytes) -> None:
        assert self._writer is not None
        self._writer.write(data)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(4096):
                self._take(data)
