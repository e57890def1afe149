"""Parts of what a node tells of itself that the gateway has not got yet, and failures to tell it."""

from micropython import const

_COUNT_MAX = const(0xFFFF)
_ALARM_TRIES_MAX = const(10)


def due(state, status=0, about=0):
    """Parts of the status and of the about report that are due: bits of state.py."""
    state.pending.status |= status
    state.pending.about |= about


def started(state, cause, status):
    """A start whose reset cause is to be told, with these parts of the status."""
    state.pending.reset_cause = cause
    state.pending.status = status


def alarms_changed(state):
    """The gateway does not know the alarms as they are now."""
    state.pending.alarms = 1


def alarms_tried(state):
    """A report is about to tell them; unheard, the next one comes later each time (schedule.py)."""
    if state.pending.alarms:
        state.pending.alarms = min(_ALARM_TRIES_MAX, state.pending.alarms + 1)


def oldest_asked(state):
    """The gateway asked for a sample that is gone: it is told from where on there is anything."""
    state.pending.oldest = 1


def sent_below(state, number):
    """All samples below are sent, or at the gateway."""
    state.pending.unsent = max(state.pending.unsent, number)


def bound_unsent(state, low, high):
    """The first sample to send lies in low…high: the log, of which some may be lost, has no others."""
    state.pending.unsent = max(low, min(state.pending.unsent, high))


def count(state, unkept=0, failures=0, refused=0):
    """Counts samples that the log did not take, acknowledgements in a row that did not come, and downlinks
    that were not believed."""
    pending = state.pending
    pending.unkept = min(_COUNT_MAX, pending.unkept + unkept)
    pending.failures = min(_COUNT_MAX, pending.failures + failures)
    pending.refused = min(_COUNT_MAX, pending.refused + refused)


def answered(state, about, status, alarms):
    """The gateway has these parts, and the alarms if `alarms`."""
    pending = state.pending
    pending.failures = 0
    pending.about &= ~about
    pending.status &= ~status
    if alarms:
        pending.alarms = 0


def about_parts(state, number):
    """The about report has so many parts."""
    state.pending.about &= (1 << number) - 1


def oldest_told(state, unkept):
    """The gateway knows of the oldest sample, and of so many that were not kept."""
    state.pending.oldest = 0
    state.pending.unkept -= unkept
