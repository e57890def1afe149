"""Sample numbers, which never repeat whatever happens to the power.

NVS holds the end of a block of 256 that may be in use. The running number is the log's; where that is lost,
counting goes on at the end of the block.
"""

from micropython import const

from lyhord_wire.codes import SAMPLE_NUMBERS

_BLOCK = const(256)
_SAMPLE_END = "sample_end"


class SampleNumbers:
    """The reserved numbers in `nvs`."""

    def __init__(self, nvs):
        self._nvs = nvs

    def lost(self):
        """The number to go on with when the log is lost: beyond everything that may have been used. 0 where a
        firmware that took any number from a gateway has reserved what cannot be: the gateway knows a better
        one."""
        end = self._nvs.number(_SAMPLE_END, 0)
        return end if 0 <= end < SAMPLE_NUMBERS else 0

    def reserve(self, number):
        """Makes sure that `number` lies inside the reserved block, before it is used. OverflowError at the
        end of all numbers."""
        if number >= SAMPLE_NUMBERS:
            raise OverflowError("sample numbers")
        end = self._nvs.number(_SAMPLE_END, 0)
        if not number < end <= SAMPLE_NUMBERS + _BLOCK:
            self._nvs.set_number(_SAMPLE_END, number + _BLOCK)
            self._nvs.commit()
