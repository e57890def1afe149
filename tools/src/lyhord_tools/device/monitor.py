"""The lines that boards print with the time, from one or several ports; nothing is ever written to them.

A port that goes away is waited for; its coming and going are lines, too. Text is a stranger's: whatever would
move a cursor or paint a screen is escaped.
"""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import serial

from lyhord_tools.device.port import BAUDRATE, open_port, reason, reopen
from lyhord_tools.errors import ToolError
from lyhord_wire.outside import printable

_READ_S = 0.2
_LINE_MAX = 2000  # bytes; what has no end by then is shown as it is
_QUIET_S = 1.0  # so long after its last byte a line without an end is shown

Heard = Callable[[str, str, str], None]
"""Called with (time, port, text) for each line; from the port's thread, one call at a time."""


class Monitor:
    """Ports that are listened to, each in a thread of its own, until `stop`."""

    def __init__(self, ports: Sequence[str], heard: Heard, baudrate: int = BAUDRATE) -> None:
        """Opens all ports. Raises ToolError when one cannot be had."""
        self._heard = heard
        self._baudrate = baudrate
        self._stopping = threading.Event()
        self._one_at_a_time = threading.Lock()
        self.fault: Exception | None = None
        opened = []
        try:
            for url in ports:
                opened.append((url, open_port(url, _READ_S, baudrate=baudrate)))
        except ToolError:
            for _, port in opened:
                port.close()
            raise
        self._threads = [threading.Thread(target=self._listen, args=one, daemon=True) for one in opened]

    def start(self) -> None:
        """Lines come from now on."""
        for thread in self._threads:
            thread.start()

    def wait(self, timeout_s: float) -> bool:
        """True when it has ended by itself: a fault while telling, see `fault`."""
        return self._stopping.wait(timeout_s)

    def stop(self) -> None:
        """Closes the ports."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _listen(self, url: str, port: serial.SerialBase | None) -> None:
        try:
            while port is not None:
                fault = self._lines(url, port)
                port.close()
                if fault is None:
                    return
                self._tell(url, f"-- the port went away: {reason(fault)}")
                port = reopen(url, float("inf"), self._stopping.is_set, _READ_S, baudrate=self._baudrate)
                if port is not None:
                    self._tell(url, "-- the port is back")
        except Exception as fault:  # noqa: BLE001 - a full disk, a closed terminal: told by `fault`
            self.fault = fault
            self._stopping.set()

    def _lines(self, url: str, port: serial.SerialBase) -> OSError | None:
        """Until it is stopped (None), or the port is gone."""
        pending = b""
        last_mono_s = time.monotonic()
        while not self._stopping.is_set():
            try:
                data = port.read(max(1, port.in_waiting))
            except OSError as fault:
                self._rest(url, pending)
                return fault
            if data:
                last_mono_s = time.monotonic()
            *whole, pending = (pending + data).split(b"\n")
            if len(pending) > _LINE_MAX or (pending and time.monotonic() - last_mono_s > _QUIET_S):
                whole, pending = [*whole, pending], b""
            for line in whole:
                self._rest(url, line)
        self._rest(url, pending)
        return None

    def _rest(self, url: str, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip("\r\n")
        if text:
            self._tell(url, text)

    def _tell(self, url: str, text: str) -> None:
        now = datetime.now(UTC).astimezone().strftime("%H:%M:%S.%f")[:-3]
        with self._one_at_a_time:
            self._heard(now, url, printable(text))
