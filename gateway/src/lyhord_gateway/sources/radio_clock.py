"""The clock of a concentrator beside ours: how long was a datagram under way?

A datagram says when its frame was heard (`tmst`), and nobody vouches for that. So the difference of the two
clocks is learnt from authentic frames only, and is the median of several: one alone proves nothing, and of
those that vouch for it half would have to lie before an honest datagram is taken for a late one. Where
little is known, a frame counts as heard when it arrived; if that is wrong, the concentrator itself refuses
the answer as too late.
"""

from collections import deque

_TMST = 1 << 32
_HALF = 1 << 31
_WITNESSES = 15
_ENOUGH = 2  # one alone may be the liar
_AGE_US = 3_600_000_000  # a witness counts for an hour …
_DRIFT_PPM = 50  # … in which the clocks may have run apart by that much
_WEIGHED_US = 1_000_000  # the median of many is taken anew after that long: frames come by the hundred
_LATE_MAX_US = 3_000_000  # more is no delay: the concentrator has restarted its clock, or somebody lies


class RadioClock:
    """Our monotonic clock minus the concentrator's 32-bit one, both in microseconds."""

    def __init__(self) -> None:
        self._witnesses: deque[tuple[int, int]] = deque(maxlen=_WITNESSES)  # when it arrived, the difference
        self._median: int | None = None  # the difference that the witnesses agree on at `_weighed_us`
        self._weighed_us: int | None = None  # None: to be weighed before it is used

    def learn(self, tmst_us: int, arrived_us: int) -> None:
        """An authentic frame, heard at `tmst_us` of its clock, arrived at `arrived_us` of ours."""
        if len(self._witnesses) < _WITNESSES:
            self._weighed_us = None
        self._witnesses.append((arrived_us, (arrived_us - tmst_us) % _TMST))

    def heard_us(self, tmst_us: int, arrived_us: int) -> int:
        """Time of the reception on our clock, never later than `arrived_us`."""
        if self._weighed_us is None or not 0 <= arrived_us - self._weighed_us < _WEIGHED_US:
            self._weigh(arrived_us)
        if self._median is None:
            return arrived_us
        late_us = (arrived_us - tmst_us - self._median + _HALF) % _TMST - _HALF
        return arrived_us - late_us if 0 < late_us <= _LATE_MAX_US else arrived_us

    def _weigh(self, now_us: int) -> None:
        """The median difference, each one with the drift that it may have had since."""
        self._weighed_us = now_us
        known = [
            (difference, (now_us - at_us) * _DRIFT_PPM // 1_000_000)
            for at_us, difference in self._witnesses
            if now_us - at_us <= _AGE_US
        ]
        if len(known) < _ENOUGH:
            self._median = None
            return
        first = known[0][0]  # differences are compared as distances from it: they come round
        distances = sorted(_difference(difference, first) + drift_us for difference, drift_us in known)
        self._median = first + distances[len(distances) // 2]


def _difference(a: int, b: int) -> int:
    return (a - b + _HALF) % _TMST - _HALF
