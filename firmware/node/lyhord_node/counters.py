"""Numbers that never repeat, whatever happens to the power: frame counters and sample numbers.

NVS holds the end of a block of 256 that may be in use. Inside the block the running value is kept
elsewhere (RTC memory, the log); where that is lost, counting goes on at the end of the block.
"""

from micropython import const

from lyhord_wire.codes import SAMPLE_NUMBERS

# The 24 bits of the header; not imported from `lyhord_wire.frame`, because most wakes send nothing.
COUNTER_MAX = const(0xFFFFFF)
_BLOCK = const(256)
_COUNTER_END = "counter_end"
_SAMPLE_END = "sample_end"


class Exhausted(Exception):
    """All 2²⁴ frame counters of this key are used: the node must get a new key before it may send."""


def next_counter(nvs, state):
    """A frame counter that was never used before, and never will be again: NVS and RTC memory know before
    it is given out.

    Raises Exhausted at the end of the 24 bits.
    """
    if state.counter >= state.counter_end:
        # Either the block is used up or the running value was lost with the power.
        end = nvs.number(_COUNTER_END, 0)
        state.counter = max(state.counter, end)
        if state.counter > COUNTER_MAX:
            raise Exhausted("frame counters")
        state.counter_end = min(state.counter + _BLOCK, COUNTER_MAX + 1)
        nvs.set_number(_COUNTER_END, state.counter_end)
        nvs.commit()
    counter = state.counter
    state.counter += 1
    state.save()  # or a watchdog reset would bring the old value back
    return counter


def begin_counters(nvs, first, is_new_key):
    """Makes `first` the next counter if that lies beyond what may be used already; durable after a commit.

    A counter that has come to its end begins anew, but only under a new key.
    """
    end = nvs.number(_COUNTER_END, 0)
    if end > COUNTER_MAX and is_new_key:
        end = 0
    nvs.set_number(_COUNTER_END, max(end, first))


def lost_sample_number(nvs):
    """The number to go on with when the log is lost: beyond everything that may have been used. 0 where a
    firmware that took any number from a gateway has reserved what cannot be: the gateway knows a better one.
    """
    end = nvs.number(_SAMPLE_END, 0)
    return end if 0 <= end < SAMPLE_NUMBERS else 0


def reserve_sample_number(nvs, number):
    """Makes sure that `number` lies inside the reserved block, before it is used. OverflowError at the end of
    all numbers."""
    if number >= SAMPLE_NUMBERS:
        raise OverflowError("sample numbers")
    end = nvs.number(_SAMPLE_END, 0)
    if not number < end <= SAMPLE_NUMBERS + _BLOCK:
        nvs.set_number(_SAMPLE_END, number + _BLOCK)
        nvs.commit()
