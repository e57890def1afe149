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
    """What waits until the link is closed. `delta`: seconds to add to the time line, or None."""

    def __init__(self):
        self.delta = None
        self.blinks = 0
        self.restart = False


def obey(node, orders, now, afterwards):
    """Does a decoded instructions map. Returns a refusal in one line, or None."""
    if TIME in orders:
        # The line stays as it is until the link is closed: duty ledgers and ages are counted on it.
        afterwards.delta = clock.correction(now, orders[TIME], node.state.clock_set)
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


def step_clock(node, delta):
    """Puts the time line `delta` seconds forward, and everything that is counted on it."""
    state = node.state
    unix = clock.now() + delta
    if not state.clock_set:
        # Samples of the time before get their true times from this record, so the grid moves with them.
        node.outbox.note_clock(unix, delta)
        if state.sample_due:
            state.sample_due += delta
        state.clock_set = 1
    for name in ("started", "status_at", "not_before", "ledgers_at", "report_due", "report_at"):
        value = getattr(state, name)
        if value:
            setattr(state, name, max(1, value + delta))
    if delta:
        clock.set_line(unix)
