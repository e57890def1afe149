"""Clocks that stand still until a test says that time passes, and the timers that wait for it."""

import heapq
from collections.abc import Callable

from lyhord_gateway.timekeeping.times import Times

START_US = 1_000_000_000


class VirtualTimes(Times):
    """start_s: Unix seconds at the beginning."""

    def __init__(self, start_s: int) -> None:
        self._start_s = start_s
        self._us = START_US
        self._waiting: list[tuple[int, int, Callable[[], object]]] = []
        self._number = 0

    def wall_s(self) -> int:
        return self._start_s + (self._us - START_US) // 1_000_000

    def now_us(self) -> int:
        return self._us

    def mono_s(self) -> float:
        return self._us / 1e6

    def later(self, delay_us: int, call: Callable[[], object]) -> None:
        self._number += 1
        heapq.heappush(self._waiting, (self._us + delay_us, self._number, call))

    @property
    def waiting(self) -> int:
        """The number of timers that have not yet run."""
        return len(self._waiting)

    def pass_time(self, microseconds: int) -> None:
        """So much later; timers run at their times."""
        end_us = self._us + microseconds
        while self._waiting and self._waiting[0][0] <= end_us:
            self._us, _, call = heapq.heappop(self._waiting)
            call()
        self._us = end_us

    def next_timer(self) -> None:
        """The moment at which the next timer runs; nothing if there is none."""
        if self._waiting:
            self.pass_time(self._waiting[0][0] - self._us)
