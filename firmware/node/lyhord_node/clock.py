"""The node's time line: one count of Unix seconds that never stands still and seldom is wrong.

The ESP32's RTC keeps it through deep sleep. After a power loss nobody knows the time, so the line
goes on one second after the newest record in the log: an estimate that keeps the order of things.
The first downlink with a time puts the line right and tells by how much it was wrong.
"""

import time

from micropython import const

EPOCH_2000 = 946_684_800  # Unix seconds of 2000-01-01, where MicroPython's clock on the ESP32 begins
_STEP_S = const(2)  # a downlink's time is whole seconds and up to a second old: smaller errors are noise


def now():
    """Unix seconds on the node's line."""
    return time.time() + EPOCH_2000


def set_line(unix):
    """Puts the RTC to `unix` seconds."""
    from machine import RTC

    year, month, day, hour, minute, second, weekday, _ = time.gmtime(unix - EPOCH_2000)
    RTC().datetime((year, month, day, weekday, hour, minute, second, 0))


def correction(line, unix, is_set):
    """Seconds to add to the line so that it shows `unix`; 0 while it is right enough.

    is_set: the line came from a downlink before, so a second of difference is no news.
    """
    delta = unix - line
    if is_set and -_STEP_S < delta < _STEP_S:
        return 0
    return delta
