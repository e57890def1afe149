"""Microseconds that do not wrap, from a tick counter that does.

The ESP32's `ticks_us` wraps every 2^30 us (17.9 minutes), the protocol's `tmst` every 2^32 us (71.6
minutes). In between runs one plain integer.
"""

_TMST_MASK = 0xFFFFFFFF
_TMST_HALF = 0x80000000


class Clock:
    """Wants `now_us` to be called at least every 8 minutes, half a wrap of the tick counter."""

    def __init__(self, ticks_us, ticks_diff, ticks_add):
        self._ticks_us = ticks_us
        self._ticks_diff = ticks_diff
        self._ticks_add = ticks_add
        self._ticks = ticks_us()
        self._now_us = 0

    def now_us(self):
        """Microseconds since the clock was made; never goes back."""
        ticks = self._ticks_us()
        self._now_us += self._ticks_diff(ticks, self._ticks)
        self._ticks = ticks
        return self._now_us

    def at_us(self, ticks):
        """The time of a tick stamp that is less than 8 minutes away from the last `now_us`."""
        return self._now_us + self._ticks_diff(ticks, self._ticks)

    def ticks_at(self, time_us):
        """The tick stamp of a time that is less than 8 minutes away from the last `now_us`."""
        return self._ticks_add(self._ticks, time_us - self._now_us)


def tmst(time_us):
    """The 32 bits of a time that go over the line."""
    return time_us & _TMST_MASK


def nearest(tmst_us, now_us):
    """The time nearest to `now_us` (35 minutes either way) whose 32 bits are `tmst_us`."""
    return now_us + ((tmst_us - now_us + _TMST_HALF) & _TMST_MASK) - _TMST_HALF
