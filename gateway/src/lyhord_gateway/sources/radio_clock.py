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
_LATE_MAX_US = 3_000_000  # more is no delay: the concentrator has restarted its clock, or somebody lies


class RadioClock:
    """Our monotonic clock minus the concentrator's 32-bit one, both in microseconds."""

    def __init__(self) -> None:
        self._witnesses: deque[tuple[int, int]] = deque(maxlen=_WITNESSES)  # when it arrived, the difference

    def learn(self, tmst_us: int, arrived_us: int) -> None:
        """An authentic frame, heard at `tmst_us` of its clock, arrived at `arrived_us` of ours."""
        self._witnesses.append((arrived_us, (arrived_us - tmst_us) % _TMST))

    def heard_us(self, tmst_us: int, arrived_us: int) -> int:
        """Time of the reception on our clock, never later than `arrived_us`."""
        offset = (arrived_us - tmst_us) % _TMST
        late = sorted(
            _difference(offset, known) - (arrived_us - at_us) * _DRIFT_PPM // 1_000_000
            for at_us, known in self._witnesses
            if arrived_us - at_us <= _AGE_US
        )
        late_us = late[(len(late) - 1) // 2] if len(late) >= _ENOUGH else 0
        return arrived_us - late_us if 0 < late_us <= _LATE_MAX_US else arrived_us


def _difference(a: int, b: int) -> int:
    return (a - b + _HALF) % _TMST - _HALF
