"""Doing what the gateway answers: most of it at once; blinking and restart when the link is closed."""

from micropython import const

from lyhord_node import clock, pending, timebase, uplink_builder
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
    """The actions that wait until the link is closed."""

    def __init__(self):
        self.blinks = 0
        self.restart = False


def obey(node, orders, now, afterwards):
    """Does a decoded instructions map, said at `now` on the line. Returns a refusal in one line, or None."""
    if TIME in orders:
        _take_time(node, orders[TIME], now)
    if STORED in orders:
        if node.outbox.mark_stored(orders[STORED]):
            pending.sent_below(node.state, node.outbox.stored)
        else:
            _refused(node, "stored", orders[STORED])
    if AGAIN in orders:
        _send_again(node, orders[AGAIN][0], orders[AGAIN][1])
    if COMMAND in orders:
        _command(node, orders[COMMAND], afterwards)
    if SETTINGS in orders:
        return _take_settings(node, orders[SETTINGS], orders.get(SETTINGS_VERSION, node.settings.version))
    return None


def _take_time(node, unix, now):
    """Corrects the node's Unix time; the line, and with it all that waits, stays as it is."""
    state = node.state
    if not clock.is_plausible(unix):
        _refused(node, "time", unix)
        return
    delta = clock.correction(state.unix(now), unix, state.timebase.is_set)
    if not state.timebase.is_set:
        # The samples of the time before get their true times from this record, before they are told.
        node.outbox.note_clock(state.unix(clock.now()) + delta, delta)
    elif not delta:
        return
    timebase.correct(state, delta)
    state.save()
    print("clock set,", delta, "s")


def _refused(node, name, value):
    pending.count(node.state, refused=1)
    print(name, "refused:", value)


def _send_again(node, first, count):
    count = min(count, node.outbox.next_seq - first)
    if count <= 0:  # numbers that were never given
        _refused(node, "send again", first)
        return
    found = node.outbox.read(first, 1, first + count)
    if not found or found[0].seq > first:
        pending.oldest_asked(node.state)
    if found:
        uplink_builder.send_again(node.state, found[0].seq, first + count)


def _take_settings(node, wishes, version):
    # In memory only when there is something to do: it is nearly full in a report.
    from lyhord_node import changes, probation, settings

    wanted, why = settings.changed(node.settings, wishes, version)
    pending.due(node.state, STATUS_MATTERS)  # the version in it says whether they were taken
    why = why or changes.link_objection(node, wanted)
    if version and version == node.state.probation.put_back:
        why = "version %d was put back" % version
    if why:
        return "settings refused: " + why
    probation.take(node, wanted)
    return None


def _command(node, command, afterwards):
    code = command[0]
    if code == COMMAND_RESTART:
        afterwards.restart = True
    elif code == COMMAND_REPORT_NOW:
        pending.due(node.state, STATUS_ALL)
    elif code == COMMAND_SEND_ABOUT:
        pending.due(node.state, about=ABOUT_ALL)
    elif code == COMMAND_BLINK:
        afterwards.blinks = min(_BLINKS_MAX, max(1, command[1] if len(command) > 1 else _BLINKS))
    elif code == COMMAND_STOP_ALARMS:
        from lyhord_node import alarms

        alarms.stop(node.state)
