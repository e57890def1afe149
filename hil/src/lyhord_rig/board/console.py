"""A board's serial port: a pty for the outside, lines and expectations for tests, a log file for people."""

from __future__ import annotations

import asyncio
import os
import select
import tty
from collections import deque
from collections.abc import Callable
from pathlib import Path

_OUT_MAX = 65536
_UNREAD_MAX = 262144
_LINES_MAX = 10000


class Console:
    """The board's console. What it printed goes everywhere at once; what comes in goes to `typed`.

    `dropped_closed`: bytes printed while nobody had the pty open. `dropped_slow`: oldest bytes given up
    because the outside read too slowly.
    """

    def __init__(self, log: Path, typed: Callable[[bytes], None]) -> None:
        self._typed = typed
        self._log = log.open("ab", buffering=0)
        self._partial = b""
        self._master = -1
        self._slave_path = ""
        self._epoll: select.epoll | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._out = bytearray()
        self.lines: deque[str] = deque(maxlen=_LINES_MAX)
        self._text: str | None = None  # of all lines, until there is another
        self.on_line: list[Callable[[str], None]] = []  # called with each whole line
        self.unread = bytearray()
        self.dropped_closed = 0
        self.dropped_slow = 0

    @property
    def path(self) -> str:
        """Path of the pty; made at first use, inside a running asyncio loop."""
        if self._master < 0:
            self._open()
        return self._slave_path

    def _open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._master, slave = os.openpty()
        tty.setraw(slave)
        self._slave_path = os.ttyname(slave)
        os.close(slave)  # from now on "hung up" means that nobody has it open
        os.set_blocking(self._master, False)
        # Edge triggered, or a hung-up pty would keep the loop spinning.
        self._epoll = select.epoll()
        self._epoll.register(self._master, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
        self._loop.add_reader(self._epoll.fileno(), self._on_pty)

    def _opened(self) -> bool:
        probe = select.poll()
        probe.register(self._master, 0)
        return not any(event & select.POLLHUP for _, event in probe.poll(0))

    def _on_pty(self) -> None:
        if self._epoll is None:
            return
        self._epoll.poll(0)
        while True:
            try:
                data = os.read(self._master, 4096)
            except OSError:  # EAGAIN: read empty; EIO: nobody has it open
                break
            if not data:
                break
            self._typed(data)
        self._flush()

    def _flush(self) -> None:
        while self._out:
            if not self._opened():
                self.dropped_closed += len(self._out)
                self._out.clear()
                return
            try:
                written = os.write(self._master, self._out)
            except OSError:  # the kernel's buffer is full; epoll tells when it is not
                return
            del self._out[:written]

    @property
    def text(self) -> str:
        """The lines as one text: conditions ask for it after every event of the world."""
        if self._text is None:
            self._text = "\n".join(self.lines)
        return self._text

    def printed(self, data: bytes, raw: bool = False) -> None:
        """Output of the board. The ESP32 puts a carriage return before each newline, except in raw writes."""
        if not raw:
            data = data.replace(b"\n", b"\r\n")
        self._log.write(data)
        self._partial += data
        *whole, self._partial = self._partial.split(b"\n")
        self._partial = self._partial[-_UNREAD_MAX:]
        for line in whole:
            text = line.rstrip(b"\r").decode("utf-8", "replace")
            self.lines.append(text)
            self._text = None
            for fn in self.on_line:
                fn(text)
        self.unread += data
        if len(self.unread) > _UNREAD_MAX:
            del self.unread[: len(self.unread) - _UNREAD_MAX]
        if self._master < 0:
            return
        self._out += data
        if len(self._out) > _OUT_MAX:
            self._flush()
        over = len(self._out) - _OUT_MAX
        if over > 0:
            self.dropped_slow += over
            del self._out[:over]
        self._flush()

    def close(self) -> None:
        self._log.close()
        if self._master >= 0 and self._epoll is not None and self._loop is not None:
            self._loop.remove_reader(self._epoll.fileno())
            self._epoll.close()
            os.close(self._master)
            self._epoll = None
            self._master = -1
