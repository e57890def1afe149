"""A DYP A02YYUW ultrasonic ranger on its UART (DFRobot SEN0311 wiki: timing, frame, range)."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable

from ..world.clock import World
from .serial_ranger import Fault, SerialRanger, binary_frame

NEAREST_MM = 30
FARTHEST_MM = 4_500
CYCLE_US = 100_000
_START_US = 300_000  # until the first frame: a guess, no data sheet says it
_FILTER = 3

__all__ = ["A02yyuw", "Fault"]


class A02yyuw(SerialRanger):
    """Sends frames on its own: every 100 ms, or filtered every 100 to 300 ms.

    Connect `select` to its RX pin's wire when the board drives it: high or open gives filtered values, low
    real-time ones. Nearer than 30 mm it sends what it believes to see, below 30; without an echo, and beyond
    4500 mm, `nothing` (0, on other makes 0xFFFD).
    """

    def __init__(
        self,
        world: World,
        distance_mm: Callable[[], int | None],
        name: str = "a02yyuw",
        strays: float = 0.0,
        nothing: int = 0,
    ) -> None:
        super().__init__(world, distance_mm, name, strays)
        self._nothing = nothing
        self._filters = True
        self._last: deque[int] = deque(maxlen=_FILTER)
        self._start()

    def select(self, level: int) -> None:
        """The wire at its RX pin."""
        self._filters = bool(level)

    def _start(self) -> None:
        self._last.clear()
        self._later(_START_US, self._cycle)

    def _cycle(self) -> None:
        distance_mm = self._measure()
        if distance_mm is None or distance_mm > FARTHEST_MM:
            value = self._nothing
        else:
            value = distance_mm if distance_mm >= NEAREST_MM else min(distance_mm, NEAREST_MM - 1)
        self._last.append(value)
        if self._filters:
            value = int(statistics.median_low(self._last))
        self._send(binary_frame(value, header_in_sum=True))
        cycles = self._rng.choice((1, 2, 3)) if self._filters else 1
        self._later(cycles * CYCLE_US, self._cycle)
