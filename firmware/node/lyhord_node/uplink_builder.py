"""The node's next frames: about, samples asked for again, new samples, status, alarms. One frame each.

The choice is made from the log's cursors and the running state; nothing is remembered here. What a
delivered message has settled is entered by `sent` and `answered`.
"""

import gc

from micropython import const

from lyhord_node import pending
from lyhord_node.scoped_import import ScopedImport
from lyhord_node.state import STATUS_ALL, STATUS_HEALTH, STATUS_MATTERS
from lyhord_wire.codes import (
    ACK_EVERY,
    STATUS_BATTERY,
    STATUS_DROPPED,
    STATUS_FAULTS,
    STATUS_FREE_HEAP,
    STATUS_OLDEST,
    STATUS_RESET_CAUSE,
    STATUS_RSSI,
    STATUS_SETTINGS_VERSION,
    STATUS_SNR,
    STATUS_UPTIME,
    STATUS_VERSION,
)
from lyhord_wire.frame import KIND_ABOUT, KIND_REPORT
from lyhord_wire.report_encode import Report, encode_report, largest_report

_SAMPLES_MAX = const(16)  # per report: bounds the memory that building one takes
_COLUMN_LEAST = const(4)  # bytes that a sample takes in a report at the very least
_DAY_S = const(86_400)
_BATTERY_STEP_MV = const(100)


class Message:
    """One frame's content. `first`, `count`: its samples; `again`: they were asked for again;
    `status`, `about`: bit masks of the parts in it; `alarms`: it tells the alarms as they are; `aged`: it
    tells how old its samples are, and so is true only once."""

    def __init__(self, kind, payload, first=0, count=0, again=False, status=0, about=0, alarms=False):
        self.kind = kind
        self.payload = payload
        self.first = first
        self.count = count
        self.again = again
        self.status = status
        self.about = about
        self.alarms = alarms
        self.unkept = 0  # of those that the log did not take
        self.dropped = 0  # lost samples that the gateway knows of once it has this
        self.aged = False
        self.ack = True


def note_changes(node, now):
    """Marks the parts of the status that are due: a value that matters changed, or a day has passed."""
    state = node.state
    if (
        state.faults.bits != state.uplink_builder.faults
        or node.settings.version != state.uplink_builder.settings
        or node.outbox.dropped != node.outbox.reported
        or state.pending.unkept
        or state.pending.oldest
    ):
        pending.due(state, STATUS_MATTERS)
    if (
        state.measure.battery_mv
        and not -_BATTERY_STEP_MV
        < state.measure.battery_mv - state.uplink_builder.battery_mv
        < _BATTERY_STEP_MV
    ):
        pending.due(state, STATUS_HEALTH)
    # Once: where the parts do not share a frame, the first would be due again before the second has its turn.
    if now - state.uplink_builder.health_at >= _DAY_S and not state.pending.status & STATUS_HEALTH:
        pending.due(state, STATUS_ALL)


def next_message(node, payload_max, now, always_ack=False, probe=False, asks_time=False):
    """The next Message of at most `payload_max` bytes, or None when there is nothing to say.

    probe: say something in any case, because the gateway has more to tell or its cursor is wanted.
    asks_time: no samples yet, because the answer to this will tell when they were taken.
    """
    note_changes(node, now)
    outbox, state = node.outbox, node.state
    again = state.uplink_builder.again_count > 0
    record = state.uplink_builder
    if again:
        first, below = record.again_first, record.again_first + record.again_count
    else:
        first, below = max(state.pending.unsent, outbox.floor), outbox.next_seq
    count = min(_SAMPLES_MAX, payload_max // _COLUMN_LEAST)
    kept = first < below
    gc.collect()  # now: where memory is in pieces, so is what is read
    samples = outbox.read(first, count, below) if kept and not asks_time else []
    if again and not samples and not asks_time:
        record.again_count = 0
        return next_message(node, payload_max, now, always_ack, probe, asks_time)
    message = None
    if samples:
        message = _report(node, samples, payload_max, now)
    elif state.pending.about and not (asks_time and state.pending.alarms):
        return _about(node, payload_max)
    if message is None and (
        samples or (asks_time and kept) or state.pending.status or state.pending.alarms or probe
    ):
        message = _status_only(node, payload_max, now)
    if message is None:
        return None
    message.again = again and message.count > 0
    message.ack = _wants_ack(node, message, always_ack or probe)
    return message


def _wants_ack(node, message, always):
    state = node.state
    return bool(
        always
        or message.again
        or message.status
        or state.pending.alarms
        or state.pending.failures  # nobody may be listening: nothing more is taken for sent
        or not state.timebase.is_set
        or state.uplink_builder.since_ack + 1 >= node.settings[ACK_EVERY]
    )


def _report(node, samples, payload_max, now):
    """A report with samples, with as much of the due status as leaves room for one; None if none fits."""
    samples = [sample.aged(node.state.unix(now)) for sample in samples]
    alarms = _alarms(node.state)
    due = node.state.pending.status
    for parts in (due, due & STATUS_MATTERS) if due else (0,):
        status = status_map(node, parts, now) if parts or not due else None
        if due and not parts:
            continue
        payload, count = largest_report(samples, payload_max, status, alarms)
        if count:
            message = _message(node, payload, samples[0].seq, count, parts, alarms)
            message.aged = samples[0].time is None
            return message
    if not due:
        raise ValueError("a sample does not fit into %d bytes" % payload_max)
    return None


def _status_only(node, payload_max, now):
    alarms = _alarms(node.state)
    due = node.state.pending.status
    time = node.state.unix(now) if node.state.timebase.is_set else -1
    for parts in (due, due & STATUS_MATTERS, due & STATUS_HEALTH):
        status = status_map(node, parts, now)
        payload = encode_report(Report(node.outbox.next_seq, time, 0, {}, status, alarms))
        if len(payload) <= payload_max:
            return _message(node, payload, node.outbox.next_seq, 0, parts, alarms)
    raise ValueError("a status does not fit into %d bytes" % payload_max)


def _message(node, payload, first, count, parts, alarms):
    message = Message(KIND_REPORT, payload, first, count, status=parts, alarms=alarms is not None)
    if parts & STATUS_MATTERS:
        message.dropped = node.outbox.dropped
        message.unkept = node.state.pending.unkept
    return message


def _alarms(state):
    """The active alarms where there are any or the gateway has not heard that there are none."""
    return list(state.alarms.active) if state.alarms.active or state.pending.alarms else None


def status_map(node, parts, now):
    """The status values of `parts` as the wire wants them, or None for no part."""
    state, outbox = node.state, node.outbox
    status = {}
    if parts & STATUS_MATTERS:
        status[STATUS_VERSION] = node.version
        status[STATUS_RESET_CAUSE] = state.pending.reset_cause
        status[STATUS_SETTINGS_VERSION] = node.settings.version
        status[STATUS_DROPPED] = outbox.dropped - outbox.reported + state.pending.unkept
        status[STATUS_FAULTS] = state.faults.bits
        if state.pending.oldest:
            status[STATUS_OLDEST] = outbox.oldest()
    if parts & STATUS_HEALTH:
        status[STATUS_UPTIME] = max(0, now - state.timebase.started)
        status[STATUS_FREE_HEAP] = state.sending.free_heap or gc.mem_free()
        if state.measure.battery_mv:
            status[STATUS_BATTERY] = state.measure.battery_mv
        if state.delivery.rssi_dbm:
            status[STATUS_RSSI] = state.delivery.rssi_dbm
            status[STATUS_SNR] = state.delivery.snr_q4
    return status or None


def _about(node, payload_max):
    pieces = _about_parts(node, payload_max)
    pending.about_parts(node.state, len(pieces))
    for i in range(len(pieces)):
        if node.state.pending.about >> i & 1:
            return Message(KIND_ABOUT, pieces[i], about=1 << i)
    return None


def send_again(state, first, below):
    """The gateway asks for these samples again."""
    state.uplink_builder.again_first = first
    state.uplink_builder.again_count = below - first


def _about_parts(node, payload_max):
    with ScopedImport():
        from lyhord_node.about import parts

        return parts(node, payload_max)


def sent(node, message):
    """Enters that a message is out for which no answer was asked."""
    _move_on(node.state, message)
    node.state.uplink_builder.since_ack += 1


def answered(node, message, now):
    """Enters that the gateway has a message: what it says counts as told."""
    state = node.state
    _move_on(state, message)
    state.uplink_builder.since_ack = 0
    pending.answered(state, message.about, message.status, message.alarms)
    if message.status & STATUS_MATTERS:
        state.uplink_builder.faults = state.faults.bits
        state.uplink_builder.settings = node.settings.version
        pending.oldest_told(state, message.unkept)
        node.outbox.note_reported(message.dropped)
    if message.status & STATUS_HEALTH:
        state.uplink_builder.battery_mv = state.measure.battery_mv
        state.uplink_builder.health_at = now


def _move_on(state, message):
    if not message.count:
        return
    end = message.first + message.count
    record = state.uplink_builder
    if message.again:
        record.again_count = max(0, record.again_first + record.again_count - end)
        record.again_first = end
    else:
        pending.sent_below(state, end)
