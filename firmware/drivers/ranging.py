"""The common part of all ultrasonic rangers: a small interface, the speed of sound, reasons for no number.

A ranger keeps the contract of `drivers/sensor.py`: a measurement is one ping, its number is millimetres, its
reason one of REASONS. Beside that it has

    air_dc                    the air's temperature (0.1 °C) that a ping is counted with
    nearest_mm, farthest_mm   what it can measure; anything outside is a reason, never a number
    every_ms                  shortest time from one start() to the next
    compensates               True if it knows the air's temperature itself and ignores air_dc

A ranger in pulse mode does the whole ping in poll(), within 80 ms, because nothing but machine.time_pulse_us
stamps its echo well enough.
"""

import time

from drivers.reading import NOT_MEASURED, RANGE, objection
from lyhord_wire.codes import DISTANCE, FILL_LEVEL, FILL_QUALITY

RANGED = (DISTANCE, FILL_LEVEL, FILL_QUALITY)  # the node makes the last two of the first

# Reasons are text, so that whoever forgets to ask for them gets a TypeError and not a distance.
NO_TARGET = "no target"  # it works, and hears nothing within its range
TOO_NEAR = "too near"  # something is in its blind zone
SILENT = "silent"  # it does not answer: absent, without power, wrong pins
GARBLED = "garbled"  # it answers, but not a whole message with the right checksum came in time
STUCK = "stuck"  # its line does not come to rest
REASONS = (
    NO_TARGET,
    TOO_NEAR,
    SILENT,
    GARBLED,
    STUCK,
    NOT_MEASURED,
)  # the last: an answer from before the ping

_GIVE_UP = 2  # pings in a row that nobody answers: the rest would cost battery and bring nothing


def is_mm(result):
    """True if what poll() gave is a distance."""
    return isinstance(result, int)


def in_range(ranger, mm, nothing=()):
    """`mm` if that is a reading of `ranger`, else the reason. nothing: numbers that stand for "no target"."""
    why = objection(mm, ranger.nearest_mm, ranger.farthest_mm, raw=mm, never=nothing)
    if why is None:
        return mm
    return TOO_NEAR if why == RANGE and mm < ranger.nearest_mm else NO_TARGET


def distance_mm(echo_us, temperature_dc):
    """Distance in millimetres for an echo in microseconds, in air of `temperature_dc` (0.1 °C).

    c = 331.3 + 0.606 T m/s in integers, rounded to the nearest millimetre. Against the exact law
    331.3 √(1 + T/273.15) the result is off by at most 0.35 % and 0.5 mm from -40 to 50 °C.
    """
    return (echo_us * _speed(temperature_dc) + 10_000_000) // 20_000_000


def rescaled_mm(mm, assumed_dc, actual_dc):
    """A distance that was computed for air of `assumed_dc`, for air of `actual_dc` (0.1 °C); rounded.

    So pings need not wait for the thermometer: poll with the last temperature, correct with the new one.
    Only for rangers that do not compensate themselves.
    """
    assumed = _speed(assumed_dc)
    return (2 * mm * _speed(actual_dc) + assumed) // (2 * assumed)


def _speed(temperature_dc):
    return 3_313_000 + 606 * temperature_dc  # 0.1 mm/s


def ping(ranger, temperature_dc):
    """One ping, waited for: millimetres or one of REASONS."""
    ranger.air_dc = temperature_dc
    ranger.start()
    result = ranger.poll()
    while result is None:
        time.sleep_ms(ranger.poll_ms)
        result = ranger.poll()
    return result


def pings(ranger, count, temperature_dc):
    """`count` pings at the ranger's pace: what they gave, one entry each; fewer where it is silent."""
    results = []
    started = time.ticks_ms()
    for number in range(count):
        if number:
            # A millisecond more, because the last start may have been at the end of its tick.
            rest = ranger.every_ms + 1 - time.ticks_diff(time.ticks_ms(), started)
            if rest > 0:
                time.sleep_ms(rest)
            started = time.ticks_ms()
        results.append(ping(ranger, temperature_dc))
        if results[-_GIVE_UP:] == [SILENT] * _GIVE_UP:
            break
    return results
