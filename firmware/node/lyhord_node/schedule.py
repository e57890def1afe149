"""The times when the next sample and the next report are due. Pure: seconds of `clock.now`, passed in.

The line only passes, so a mark on it is never further away than whoever made it meant. One that is belongs to
another line, from before the RTC began anew, and counts as reached: the node never waits for it.
"""

from micropython import const

_TOLERANCE_MAX_S = const(30)
_EARLY_DIVISOR = const(50)
JITTER_DIVISOR = const(10)  # docs/protocol.md section 4: reports start within 10 % of their period
_DUTY_MAX_S = const(7_200)  # a duty cycle counts over one hour: what it refuses fits within two
_MOVED_MAX_S = const(60)
_ALARM_S = const(30)
_TRIAL_S = const(600)
_TRIAL_BEGUN_S = const(10)


def waits(now, mark, longest):
    """True while `mark` lies ahead, by `longest` seconds at most."""
    return 0 < mark - now <= longest


def is_due(now, due, period):
    """True if a sample that is due at `due` may be taken: up to 2 % of the period early, 30 s at most.

    The RC oscillator of deep sleep is that inexact, and another start would cost more than it is worth.
    """
    early = min(period // _EARLY_DIVISOR, _TOLERANCE_MAX_S)
    return not waits(now, due - early, period + _tolerance(period))


def place(now, due, period):
    """(nominal time of the sample taken now, time at which the next one is due).

    Samples stand on a grid, `period` seconds apart, so that a report can say "every 900 s" for a
    whole column: a wake that is late by up to a quarter of the period (30 s at most) is recorded at
    its place on the grid. A wake that missed places goes on at a later one; a wake off the grid,
    or the first one (`due` 0), begins a new grid.
    """
    if due:
        late = now - due
        tolerance = _tolerance(period)
        off = late % period
        missed = late // period
        if off >= period - tolerance:
            off -= period
            missed += 1
        if missed >= 0 and -tolerance <= off <= tolerance:
            nominal = due + missed * period
            return nominal, nominal + period
    return now, now + period


def take_place(state, now, period):
    """The nominal time of the sample that is taken now; the next one is planned."""
    nominal, state.schedule.sample_due = place(now, state.schedule.sample_due, period)
    return nominal


def begin_anew(state, samples, reports):
    """Samples, reports are due now and begin new grids: their period is another one, and a node that slept to
    an old mark might take a day to notice."""
    if samples:
        state.schedule.sample_due = 0
    if reports:
        state.schedule.report_due = 0


def _tolerance(period):
    return min(period // 4, _TOLERANCE_MAX_S)


def in_order(unix, newest):
    """The time stamp of a sample taken at `unix` behind a record of `newest`: Unix seconds; None: no record.

    Where the clock was put back by up to a minute, it is the second after that record: no two samples have
    one second, and none are out of order. Further back the record was wrong, not the sample.
    """
    behind = (newest or 0) + 1 - unix
    return unix + behind if 0 < behind <= _MOVED_MAX_S else unix


def next_report(now, due, period):
    """The first place after `now` on the grid of reports; a mark that cannot be begins a new grid."""
    if not due or not -2 * period < due - now <= period:
        return now + period
    while due <= now:
        due += period
    return due


def jitter(period, number):
    """Seconds to wait before a report, evenly spread over a tenth of `period`; number: 32 random bits."""
    return number % (period // JITTER_DIVISOR + 1)


def plan_report(state, due, period, number):
    """Puts the next report at `due`, and its start into the tenth of `period` behind it."""
    state.schedule.report_due = due
    state.schedule.report_at = due + jitter(period, number)


def is_report_due(state, now, period):
    """True if a report was planned, its start has come, and the duty cycle does not forbid it."""
    longest = period + period // JITTER_DIVISOR + 1
    return bool(
        state.schedule.report_at
        and not waits(now, state.schedule.report_at, longest)
        and not waits(now, state.transmit.not_before, _DUTY_MAX_S)
    )


def report_now(state, now):
    """The next report is due."""
    state.schedule.report_at = now


def hurry(state, now):
    """Brings the next report forward where it is to say or to prove something: alarms that nobody has heard
    go again in 1, 2, 4 … minutes; settings on trial at once, and then every ten minutes."""
    record = state.schedule
    if state.pending.alarms:
        record.report_at = min(record.report_at, now + (_ALARM_S << state.pending.alarms - 1))
    if state.probation.trial:
        wait_s = _TRIAL_S if state.probation.trial > 1 else _TRIAL_BEGUN_S
        record.report_at = min(record.report_at, now + wait_s)


def next_due(state):
    """The time when there is something to do: a sample, or a report."""
    if not state.schedule.report_at:
        return state.schedule.sample_due
    return min(state.schedule.sample_due, max(state.schedule.report_at, state.transmit.not_before))
