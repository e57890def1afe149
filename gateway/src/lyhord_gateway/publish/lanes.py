"""The choice of readings that go to a platform next: live ones before the backlog, however long that is.

    arrival numbers   0 ═════════ ········ ══════ ················ ═══════▹        high
                       delivered   backlog  ahead      backlog      ahead  live

The live lane follows the newest reading in the order of arrival. When it would fall more than `live_max`
readings behind (an outage, a load above what the platform takes), what it cannot make up becomes backlog and
the live lane starts anew at the newest. The backlog lane fills the gaps, oldest first. Each jump of the live
lane makes a gap; after GAPS_MAX of them the smallest one is filled before the live lane jumps again.
"""

from dataclasses import dataclass

from lyhord_gateway.model import intervals
from lyhord_gateway.model.intervals import Interval

GAPS_MAX = 32


@dataclass(frozen=True, slots=True)
class Part:
    """Arrival numbers first … end − 1, a piece of which is next. late: they are backlog."""

    first: int
    end: int
    late: bool


class Lanes:
    """delivered: what the platform has, beginning with a range from 0. high: the newest arrival number."""

    def __init__(self, delivered: list[Interval], high: int, live_max: int) -> None:
        self._delivered = list(delivered)
        self._taken = list(delivered)  # delivered or under way
        self._live_max = live_max
        self._high = high
        self._live = delivered[-1][1]

    def advance(self, high: int, low: int) -> None:
        """Takes in what the store has now; numbers up to `low` are gone."""
        self._high = max(self._high, high)
        for known in (self._delivered, self._taken):
            intervals.add(known, 0, low + 1)
        self._live = max(self._live, low + 1)

    def live(self) -> Part | None:
        """The next readings of the live lane; None if there are none, or a gap must be filled first."""
        if self._high + 1 - self._live > self._live_max:
            if len(self._gaps()) >= GAPS_MAX:
                return None
            self._live = self._high + 1
        return Part(self._live, self._high + 1, False) if self._live <= self._high else None

    def backlog(self) -> Part | None:
        """The next readings of the backlog lane."""
        gaps = self._gaps()
        if not gaps:
            return None
        crowded = len(gaps) >= GAPS_MAX
        first, end = min(gaps, key=lambda gap: gap[1] - gap[0]) if crowded else gaps[0]
        return Part(first, end, True)

    def take(self, first: int, end: int) -> None:
        """first … end − 1 are under way."""
        intervals.add(self._taken, first, end)
        self._live = max(self._live, end)

    def deliver(self, first: int, end: int) -> None:
        """The platform has acknowledged all of first … end − 1."""
        intervals.add(self._delivered, first, end)

    def forget(self) -> None:
        """The connection is lost, and with it what was under way."""
        self._taken = list(self._delivered)
        self._live = self._delivered[-1][1]

    @property
    def cursor(self) -> int:
        """Up to here the platform has everything."""
        return self._delivered[0][1] - 1

    @property
    def waiting(self) -> int:
        """Arrival numbers that the platform has not acknowledged."""
        return intervals.total(intervals.gaps(self._delivered, self._high + 1))

    @property
    def behind(self) -> int:
        """Arrival numbers that the live lane has not taken yet."""
        return max(0, self._high + 1 - self._live)

    def _gaps(self) -> list[Interval]:
        return intervals.gaps(self._taken, self._live)
