"""The node's clock: a line that nobody sets, and the one number that makes Unix time of it.

    now()            seconds that only pass: the ESP32's RTC, through every sleep and reset but a power loss
    timebase.offset  added to them they are Unix seconds, see `State.unix`

Whatever is due, waits, rests or is counted over a time stands on the line, so a correction has nothing to
shift but the offset: it moves time stamps, never the rhythm. After a power loss the line begins anew and
nobody knows the time; stamps go on one second after the newest record in the log, an estimate that keeps the
order of things. The first downlink with a time puts it right and tells by how much it was wrong.
"""

import time

from micropython import const

EPOCH_2000 = 946_684_800  # Unix seconds of 2000-01-01, where MicroPython's clock on the ESP32 begins
LATEST = 4_102_444_800  # Unix seconds of 2100-01-01: a record has 32 bits for a time, and room behind this
_STEP_S = const(2)  # a downlink's time is whole seconds and up to a second old: smaller errors are noise


def now():
    """Seconds on the line: no Unix time, and never 0."""
    return time.time() + EPOCH_2000


def is_plausible(unix):
    """True if `unix` (seconds; a gateway's, or found in the log) can be a time. Who says less than 2000 has
    no clock; who says more than 2100 would use up the records' 32 bits."""
    return EPOCH_2000 <= unix < LATEST


def correction(line, unix, is_set):
    """Seconds to add to the node's Unix time `line` so that it shows `unix`; 0 while it is right enough.

    is_set: it came from a downlink before, so a second of difference is no news.
    """
    delta = unix - line
    if is_set and -_STEP_S < delta < _STEP_S:
        return 0
    return delta
