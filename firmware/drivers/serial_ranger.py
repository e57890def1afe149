"""A ranger that tells its distance over a UART (9600 baud, 8N1): what all of them share.

`uart` is a `machine.UART` or anything with its `any`, `readinto` and `write`; it must not wait
(timeout 0). The interface is that of `drivers.ranging`.
"""

import time

from micropython import const

from drivers.ranging import GARBLED, NOT_MEASURED, SILENT

_CHUNK = const(32)
_CHUNKS_MAX = const(16)  # 512 bytes are more than any receive buffer: a line that never rests ends as well


class SerialRanger:
    """`frames` finds the messages (see `drivers.range_frames`); a sensor's class adds ranges and times.

    A sensor adds `deadline_ms`, the longest time from start() to a whole message, and `read_mm(mm)`, which
    makes of the sensor's number millimetres or one of ranging.REASONS.

    earliest_ms: a message that is whole sooner after start() was measured before it, and is no answer. By
    itself that is what four bytes take on the wire; a sensor that measures when told needs longer.
    """

    compensates = False
    air_dc = 200
    poll_ms = 5
    earliest_ms = 4

    def __init__(self, uart, frames):
        self._uart = uart
        self._frames = frames
        self._buffer = bytearray(_CHUNK)
        self._began = None
        self._heard = None  # what it would be if nothing else came: SILENT, NOT_MEASURED or GARBLED

    def start(self):
        """Forgets what came before now, which was measured before now, and waits for the next message."""
        for _ in range(_CHUNKS_MAX):
            if not self._receive():
                break
        self._frames.reset()
        self._heard = SILENT
        self._began = time.ticks_ms()
        self.request()

    def request(self):
        """Asks for a measurement, where the sensor does not measure all the time."""

    def poll(self):
        """None while no message is whole; then, within deadline_ms, millimetres or a reason."""
        if self._began is None:
            raise RuntimeError("not started")
        elapsed = time.ticks_diff(time.ticks_ms(), self._began)
        for _ in range(_CHUNKS_MAX):
            count = self._receive()
            if not count:
                break
            for index in range(count):
                mm = self._frames.feed(self._buffer[index])
                if mm is None:
                    continue
                if elapsed >= self.earliest_ms:
                    self._began = None
                    return self.read_mm(mm)
                self._heard = NOT_MEASURED
            if self._heard == SILENT:
                self._heard = GARBLED
        if elapsed < self.deadline_ms:
            return None
        self._began = None
        return self._heard

    def _receive(self):
        waiting = self._uart.any()
        if not waiting:
            return 0
        return self._uart.readinto(self._buffer, min(waiting, _CHUNK)) or 0
