"""A MaxBotix MB7389 (HRXL-MaxSonar-WRMT) on its TTL serial output.

Data sheet PD11500, "Sensor Timing Diagrams": in a cycle of 148 ms the serial data comes at 140 ms. Pin 4 high
or open ranges on, with a filter; low stops after the cycle; a pulse of more than 20 us ranges once, without.
"""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable

from ..world.clock import Handle, World
from .serial_ranger import Fault, SerialRanger

NEAREST_MM = 300
FARTHEST_MM = 5_000
CYCLE_US = 148_000
SERIAL_US = 140_000
TRIGGER_US = 20
_DECIDE_US = 147_000  # pin 4 high then: free run
_BOOT_US = 50_000
_BANNER = b"HRXL-MaxSonar-WR\rPN:MB7389\rRoHS 1.8b090\rTempI\r"  # an R that begins no reading
_FILTER = 5  # readings: 1.33 Hz of 6.67 Hz

__all__ = ["Fault", "Mb7389"]


class Mb7389(SerialRanger):
    """`R1234` and a carriage return, mm: 300 for anything nearer, 5000 for no target.

    ff_share: how many of the bytes have a stray 0xFF before them. Connect `trigger` to pin 4's wire when the
    board drives it. too_short: pulses of less than 20 us there.
    """

    def __init__(
        self,
        world: World,
        distance_mm: Callable[[], int | None],
        name: str = "mb7389",
        strays: float = 0.0,
        ff_share: float = 0.0,
    ) -> None:
        super().__init__(world, distance_mm, name, strays)
        self.ff_share = ff_share
        self.too_short = 0
        self._pin4 = 1
        self._rise: Handle | None = None
        self._last: deque[int] = deque(maxlen=_FILTER)
        self._ranging = False
        self._start()

    def _start(self) -> None:
        self._last.clear()
        self._ranging = True
        self._later(_BOOT_US, self._boot)

    def _boot(self) -> None:
        if self.fault is not Fault.SILENT:
            self._transmit(_BANNER)
        self._later(self._free_us - self._world.now_us if self._free_us else 0, self._decide)

    def trigger(self, level: int) -> None:
        """The wire at pin 4."""
        level = int(bool(level))
        if level == self._pin4:
            return
        self._pin4 = level
        if not self._powered or self._ranging:
            return
        if level:
            self._rise = self._later(TRIGGER_US, self._range)
        elif self._rise is not None and self._rise.pending:
            self._rise.cancel()
            self.too_short += 1

    def _range(self) -> None:
        self._ranging = True
        self._cycle(filters=False)

    def _cycle(self, filters: bool) -> None:
        distance_mm = self._measure()
        reading_mm = FARTHEST_MM if distance_mm is None else distance_mm
        self._last.append(min(max(reading_mm, NEAREST_MM), FARTHEST_MM))
        if not filters:
            self._last = deque([self._last[-1]], maxlen=_FILTER)
        self._later(SERIAL_US, self._report, int(statistics.median_low(self._last)))
        self._later(_DECIDE_US, self._decide_at_end)

    def _decide_at_end(self) -> None:
        if self._pin4:
            self._later(CYCLE_US - _DECIDE_US, self._cycle, True)
        else:
            self._later(CYCLE_US - _DECIDE_US, self._stop)

    def _decide(self) -> None:
        if self._pin4:
            self._cycle(filters=True)
        else:
            self._stop()

    def _stop(self) -> None:
        self._ranging = False
        if self._pin4:  # it rose in the last millisecond
            self._rise = self._later(TRIGGER_US, self._range)

    def _report(self, reading_mm: int) -> None:
        frame = b"".join(
            (b"\xff" if self._rng.random() < self.ff_share else b"") + bytes([value])
            for value in b"R%04d\r" % reading_mm
        )
        self._send(frame)
