"""Is it another transmission, or the same one once more?

A radio may hand on one transmission several times: a forwarder that has its server entered twice, a datagram
that the network repeats, and a ghost: a node close by is heard on the neighbouring channels too, weakly. A
node that repeats a frame does so after its receive windows, so the radio's own clock tells: what it heard
within a second is one transmission, and equal times are never two.
"""

from enum import Enum

from msgspec import Struct

from lyhord_wire.lora import RX1_DELAY_US

_TMST = 1 << 32
_HALF = 1 << 31
_SAME_AIR_US = RX1_DELAY_US  # a node listens at least so long before it sends again
_SPREAD_US = 60_000_000  # copies of one transmission arrive within this, however slow the network
_EQUAL_US = 3_600_000_000  # the 32-bit clock comes round after 71 minutes
DEDUP_US = 200_000  # an answer waits so long for a better copy; RX1 is a second after the frame
_REMEMBERED = 512  # frames at least; eight demodulators hear some 150 in a second


class Copy(Enum):
    """NEW: these bytes were not heard lately. REPEATED: they were, in another transmission. BETTER: this
    transmission was heard before, but not so well. WORSE: it was, and there is nothing to gain."""

    NEW = 0
    REPEATED = 1
    BETTER = 2
    WORSE = 3


NEW, REPEATED, BETTER, WORSE = Copy  # plain names, as Python 3.11 looks an enum's member up in 0.2 µs


class _Reception(Struct, gc=False):
    tmst_us: int | None
    arrived_us: int
    rssi_dbm: int | None


class Receptions:
    """The recent receptions of one radio."""

    def __init__(self) -> None:
        self._lately: dict[bytes, _Reception] = {}
        self._before: dict[bytes, _Reception] = {}  # what was noted before the oldest of those

    def take(self, data: bytes, tmst_us: int | None, arrived_us: int, rssi_dbm: int | None) -> Copy:
        """Notes a reception. tmst_us: the radio's 32-bit clock, None if unknown; arrived_us: ours."""
        known = self._lately.get(data) or self._before.get(data)
        if known is not None and _same(known, tmst_us, arrived_us):
            if rssi_dbm is None or (known.rssi_dbm is not None and rssi_dbm <= known.rssi_dbm):
                return WORSE
            known.rssi_dbm = rssi_dbm
            return BETTER
        if len(self._lately) >= _REMEMBERED:
            self._before, self._lately = self._lately, {}
        self._lately[data] = _Reception(tmst_us, arrived_us, rssi_dbm)
        return NEW if known is None else REPEATED


def _same(known: _Reception, tmst_us: int | None, arrived_us: int) -> bool:
    apart_us = arrived_us - known.arrived_us
    if tmst_us is None or known.tmst_us is None:
        return apart_us < _SAME_AIR_US
    if tmst_us == known.tmst_us:
        return apart_us < _EQUAL_US
    by_clock_us = (tmst_us - known.tmst_us + _HALF) % _TMST - _HALF
    return abs(by_clock_us) < _SAME_AIR_US and apart_us < _SPREAD_US
