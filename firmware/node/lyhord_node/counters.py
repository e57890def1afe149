"""Frame counters, which never repeat whatever happens to the power.

NVS holds the end of a block of 256 that may be in use. Inside the block the running value is kept
elsewhere (RTC memory, the log); where that is lost, counting goes on at the end of the block.
"""

from micropython import const

# The 24 bits of the header; not imported from `lyhord_wire.frame`, because most wakes send nothing.
COUNTER_MAX = const(0xFFFFFF)
_BLOCK = const(256)
_COUNTER_END = "counter_end"


class Exhausted(Exception):
    """All 2²⁴ frame counters of this key are used: the node must get a new key before it may send."""


def next_counter(nvs, state):
    """A frame counter that was never used before, and never will be again: NVS and RTC memory know before
    it is given out.

    Raises Exhausted at the end of the 24 bits.
    """
    if state.counters.next >= state.counters.end:
        # Either the block is used up or the running value was lost with the power.
        end = nvs.number(_COUNTER_END, 0)
        state.counters.next = max(state.counters.next, end)
        if state.counters.next > COUNTER_MAX:
            raise Exhausted("frame counters")
        state.counters.end = min(state.counters.next + _BLOCK, COUNTER_MAX + 1)
        nvs.set_number(_COUNTER_END, state.counters.end)
        nvs.commit()
    counter = state.counters.next
    state.counters.next += 1
    state.save()  # or a watchdog reset would bring the old value back
    return counter


def begin_counters(nvs, state, first, is_new_key):
    """Makes `first` the next counter if that lies beyond what may be used already; durable after a commit.

    A counter that has come to its end begins anew, but only under a new key.
    """
    end = nvs.number(_COUNTER_END, 0)
    if end > COUNTER_MAX and is_new_key:
        end = 0
    nvs.set_number(_COUNTER_END, max(end, first))
    state.counters.next = state.counters.end = 0  # the next one comes from NVS
