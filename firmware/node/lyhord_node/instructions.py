"""Doing what the gateway answers: most of it at once; clock and restart when the link is closed."""

from micropython import const

from lyhord_node import alarms, changes, clock, settings
from lyhord_node.state import ABOUT_ALL, STATUS_ALL, STATUS_MATTERS
from lyhord_wire.codes import (
    COMMAND_BLINK,
    COMMAND_REPORT_NOW,
    COMMAND_RESTART,
    COMMAND_SEND_ABOUT,
    COMMAND_STOP_ALARMS,
)
from lyhord_wire.instructions import AGAIN, COMMAND, SETTINGS, SETTINGS_VERSION, STORED, TIME

_BLINKS = const(10)
_BLINKS_MAX = const(100)


class Afterwards:
    """What waits until the link is closed. `delta`: seconds to add to the time line, or None; `moved`: to
    add to the times of the samples that had waited for it."""

    def __init__(self):
        self.delta = None
        self.moved = 0
        self.blinks = 0
        self.restart = False


def obey(node, orders, now, afterwards):
    """Does a decoded instructions map. Returns a refusal in one line, or None."""
    if TIME in orders and afterwards.delta is None:
        _take_time(node, orders[TIME], now, afterwards)
    if STORED in orders:
        node.outbox.mark_stored(orders[STORED])
        node.state.unsent = max(node.state.unsent, node.outbox.stored)
    if AGAIN in orders:
        _send_again(node, orders[AGAIN][0], orders[AGAIN][1])
    if COMMAND in orders:
        _command(node, orders[COMMAND], afterwards)
    if SETTINGS in orders:
        return _take_settings(node, orders[SETTINGS], orders.get(SETTINGS_VERSION, node.settings.version))
    return None


def _take_time(node, unix, now, afterwards):
    # The line stays as it is until the link is closed: duty ledgers and ages are counted on it.
    delta = afterwards.delta = clock.correction(now, unix, node.state.clock_set)
    if not node.state.clock_set:
        # The samples of the time before get their true times from this record, before they are told.
        afterwards.moved = node.outbox.note_clock(clock.now() + delta, delta)


def _send_again(node, first, count):
    found = node.outbox.read(first, 1, first + count)
    if not found or found[0].seq > first:
        node.state.oldest_due = 1  # some of it is gone: the status says from where on there is anything
    if found:
        node.state.again_first = found[0].seq
        node.state.again_count = first + count - found[0].seq


def _take_settings(node, wishes, version):
    wanted, why = settings.changed(node.settings, wishes, version)
    node.state.status_due |= STATUS_MATTERS  # the version in it says whether they were taken
    if why:
        return "settings refused: " + why
    changes.apply(node, wanted)
    return None


def _command(node, command, afterwards):
    code = command[0]
    if code == COMMAND_RESTART:
        afterwards.restart = True
    elif code == COMMAND_REPORT_NOW:
        node.state.status_due = STATUS_ALL
    elif code == COMMAND_SEND_ABOUT:
        node.state.about_due = ABOUT_ALL
    elif code == COMMAND_BLINK:
        afterwards.blinks = min(_BLINKS_MAX, max(1, command[1] if len(command) > 1 else _BLINKS))
    elif code == COMMAND_STOP_ALARMS:
        alarms.stop(node.state)


def step_clock(node, delta, moved):
    """Puts the time line `delta` seconds forward, and everything that is counted on it; `moved`: the samples
    of the time before, and so their grid."""
    state = node.state
    unix = clock.now() + delta
    if not state.clock_set:
        if state.sample_due:
            state.sample_due += moved
        state.clock_set = 1
    for name in ("started", "status_at", "not_before", "ledgers_at", "report_due", "report_at"):
        value = getattr(state, name)
        if value:
            setattr(state, name, max(1, value + delta))
    if delta:
        clock.set_line(unix)
