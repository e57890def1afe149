"""When the next sample and the next report are due. Pure: times are Unix seconds, passed in."""

from micropython import const

_TOLERANCE_MAX_S = const(30)
_EARLY_DIVISOR = const(50)
JITTER_DIVISOR = const(10)  # docs/protocol.md section 4: reports start within 10 % of their period


def is_due(now, due, period):
    """True if a sample that is due at `due` may be taken: up to 2 % of the period early, 30 s at most.

    The RC oscillator of deep sleep is that inexact, and another start would cost more than it is worth.
    """
    return now >= due - min(period // _EARLY_DIVISOR, _TOLERANCE_MAX_S)


def place(now, due, period):
    """(nominal time of the sample taken now, time at which the next one is due).

    Samples stand on a grid, `period` seconds apart, so that a report can say "every 900 s" for a
    whole column: a wake that is late by up to a quarter of the period (30 s at most) is recorded at
    its place on the grid. A wake that missed places goes on at a later one; a wake off the grid,
    or the first one (`due` 0), begins a new grid.
    """
    if due:
        late = now - due
        tolerance = min(period // 4, _TOLERANCE_MAX_S)
        off = late % period
        missed = late // period
        if off >= period - tolerance:
            off -= period
            missed += 1
        if missed >= 0 and -tolerance <= off <= tolerance:
            nominal = due + missed * period
            return nominal, nominal + period
    return now, now + period


def next_report(now, due, period):
    """The first place after `now` on the grid of reports; a clock that jumped begins a new grid."""
    if not due or not -2 * period < due - now <= period:
        return now + period
    while due <= now:
        due += period
    return due


def jitter(period, number):
    """Seconds to wait before a report, evenly spread over a tenth of `period`; number: 32 random bits."""
    return number % (period // JITTER_DIVISOR + 1)
