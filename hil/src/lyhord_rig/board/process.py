"""The MicroPython process of a board and the link to it: requests, replies, and console bytes beside them."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import os
import select
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .interpreters import Interpreters

_MESSAGE = struct.Struct("=4q")
_SPIN_MS = 2  # a board mostly answers at once: look that long before asyncio's other tasks get the turn
_IDLE_TIMES = 10
_MASKED = 1
_POSTED = 2
# On the ESP32 the chip's own modules lie in flash. Here their bytecode does too: they are a ROM file system
# in memory and MicroPython runs it where it lies. Their functions, classes and names (see _start.py) still
# take heap: this much with all of them imported (a test measures it). The heap is larger by it, so that the
# firmware has heap_kib.
_ONBOARD_KIB = 50


class Op(enum.IntEnum):
    """Requests of a board to the world. The modules in onboard/ have the same numbers (held by a test)."""

    HELLO = 1
    SYNC = 2
    SLEEP = 3
    RESUME = 4
    HALT = 5
    RESTART = 6
    DEEPSLEEP = 7
    WDT = 8
    KBD_INTR = 9
    PIN_INIT = 10
    PIN_READ = 11
    PIN_WRITE = 12
    PIN_IRQ = 13
    PIN_HOLD = 14
    ADC = 15
    PULSE = 16
    SPI = 17
    OW_RESET = 18
    OW_WRITE = 19
    OW_READ = 20
    OW_WRITE_BIT = 21
    OW_READ_BIT = 22
    RTC_SET = 23
    RTC_MEM_GET = 24
    RTC_MEM_SET = 25
    NVS = 26
    WAKE_EXT = 27
    DEEP_HOLD = 28
    CHIP = 29
    FLASH_WRITE = 30
    FLASH_ERASE = 31
    FLASH_TORN = 32
    POLL = 33
    STDIN_READ = 34
    STDOUT_RAW = 35
    WLAN = 40
    RESOLVE = 41
    SOCK_OPEN = 42
    SOCK_CONNECT = 43
    SOCK_SEND = 44
    SOCK_RECV = 45
    SOCK_CLOSE = 46
    URANDOM = 47
    UART_INIT = 48
    UART_READ = 49
    UART_WRITE = 50
    UART_ANY = 51
    I2C = 52


class Status(enum.IntEnum):
    OK = 0
    IRQ = 1
    ABORT = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class Request:
    op: Op
    charge_us: int
    a: int
    b: int
    data: bytes
    masked: bool
    posted: bool


class ProcessEnded(Exception):
    """The process closed its end of the link."""


class ProcessHung(Exception):
    """The process computed past its deadline."""


class BoardProcess:
    """One life of the interpreter, from a reset to the next. `console` gets everything printed, in order."""

    def __init__(
        self,
        interpreters: Interpreters,
        image: Path,
        blocks: int,
        heap_kib: int,
        console: Callable[[bytes], None],
    ) -> None:
        self._console = console
        self._link, theirs = socket.socketpair()
        self._out, out = os.pipe()
        os.set_blocking(self._out, False)
        self._buffer = bytearray()
        self._poll = select.poll()
        self._poll.register(self._link.fileno(), select.POLLIN)
        self._poll.register(self._out, select.POLLIN)
        self.closed = False
        self._ready = asyncio.Event()
        self._watching: asyncio.AbstractEventLoop | None = None
        with contextlib.ExitStack() as unless_it_lives:
            unless_it_lives.callback(self._link.close)
            unless_it_lives.callback(os.close, self._out)
            try:
                self._life = interpreters.start(image, blocks, heap_kib + _ONBOARD_KIB, theirs.fileno(), out)
            finally:
                theirs.close()
                os.close(out)
            unless_it_lives.pop_all()

    @property
    def pid(self) -> int:
        return self._life.pid

    def ended(self, timeout_s: float) -> bool:
        """Waits for its end; False if it lives on after timeout_s of wall time."""
        return self._life.ended(timeout_s)

    def drain(self) -> None:
        """Hand on what the process printed so far."""
        while not self.closed:
            try:
                data = os.read(self._out, 65536)
            except BlockingIOError:
                return
            if not data:
                return
            self._console(data)

    def _take(self) -> Request | None:
        if len(self._buffer) < _MESSAGE.size:
            return None
        head, charge_us, a, b = _MESSAGE.unpack_from(self._buffer)
        end = _MESSAGE.size + (head >> 16)
        if len(self._buffer) < end:
            return None
        data = bytes(self._buffer[_MESSAGE.size : end])
        del self._buffer[:end]
        flags = head >> 8 & 0xFF
        return Request(Op(head & 0xFF), charge_us, a, b, data, bool(flags & _MASKED), bool(flags & _POSTED))

    def _receive(self) -> Request | None:
        """The next request if it is there. Raises ProcessEnded."""
        request = self._take()
        while request is None:
            if self.closed:
                raise ProcessEnded
            try:
                data = self._link.recv(65536, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            except ConnectionResetError:
                data = b""
            if not data:
                raise ProcessEnded
            self._buffer += data
            request = self._take()
        return request

    async def request(self, hang_s: float) -> Request:
        """Wait for the next request. Raises ProcessEnded, and ProcessHung after hang_s of computing.

        The processor's time counts, not the wall's: on a busy machine a board that gets a tenth of a core
        computes ten times longer. One that does not even compute has hung after _IDLE_TIMES as long.
        """
        request = self._receive()
        if request is None and self._poll.poll(_SPIN_MS):
            request = self._receive()
        if request is None:
            request = await self._computed(hang_s)
        if not request.posted:  # what was printed before a request without an answer shows at the next one
            self.drain()
        return request

    async def _computed(self, hang_s: float) -> Request:
        before_s, left_s = self._life.processor_s(), hang_s
        end_mono_s = time.monotonic() + _IDLE_TIMES * hang_s
        while left_s > 0 and time.monotonic() < end_mono_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    return await self._wait()
            left_s = hang_s - (self._life.processor_s() - before_s)
        raise ProcessHung

    async def _wait(self) -> Request:
        loop = asyncio.get_running_loop()
        ready = self._ready = asyncio.Event()
        loop.add_reader(self._link.fileno(), ready.set)
        loop.add_reader(self._out, ready.set)
        self._watching = loop
        try:
            while True:
                request = self._receive()
                if request is not None:
                    return request
                self.drain()
                ready.clear()
                await ready.wait()
        finally:
            self._unwatch()

    def _unwatch(self) -> None:
        if self._watching is not None:
            self._watching.remove_reader(self._link.fileno())
            self._watching.remove_reader(self._out)
            self._watching = None
            self._ready.set()

    def reply(self, status: Status, now_us: int, a: int = 0, b: int = 0, data: bytes = b"") -> None:
        if self.closed:
            return
        # Its end is seen by the next request().
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._link.sendall(_MESSAGE.pack(status | len(data) << 16, now_us, a, b) + data)

    def kill(self) -> None:
        """End it as a power cut does, and hand on its last words."""
        if self.closed:
            return
        self._life.kill()
        self.drain()
        self.closed = True
        self._life.close()
        self._unwatch()
        self._link.close()
        os.close(self._out)
