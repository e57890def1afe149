"""When a concentrator really heard a frame, in our clock.

Its datagram took a while, and now and then a long while. The least delay of the last minute is as good
as none; whatever a datagram took beyond that, the frame is older by as much.
"""

_TMST = 1 << 32
_HALF = 1 << 31
_SPAN_US = 30_000_000  # the least delay is that of this span and the one before
_JUMP_US = 3_000_000  # more is no delay: the concentrator has restarted its clock


class RadioClock:
    """Our monotonic clock minus the concentrator's 32-bit one, both in microseconds."""

    def __init__(self) -> None:
        self._least: int | None = None  # of this span
        self._before: int | None = None  # of the span before
        self._since_us = 0

    def heard_us(self, tmst_us: int, arrived_us: int) -> int:
        """Time of the reception on our clock, never later than `arrived_us`."""
        offset = (arrived_us - tmst_us) % _TMST
        if arrived_us - self._since_us > _SPAN_US:
            self._before, self._least, self._since_us = self._least, offset, arrived_us
        if self._least is None or abs(_difference(offset, self._least)) > _JUMP_US:
            self._before, self._least, self._since_us = None, offset, arrived_us
            return arrived_us
        if _difference(offset, self._least) < 0:
            self._least = offset
        late_us = _difference(offset, self._least)
        if self._before is not None:
            earlier_us = _difference(offset, self._before)
            late_us = max(late_us, earlier_us if earlier_us <= _JUMP_US else 0)
        return arrived_us - late_us


def _difference(a: int, b: int) -> int:
    return (a - b + _HALF) % _TMST - _HALF
