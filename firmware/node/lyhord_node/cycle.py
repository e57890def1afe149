"""The node's story: wake → measure → keep → send → sleep. This file and the console alone know all stages.

start ─▶ wake ─▶ (console, after power-on or reset only) ─▶ (safe mode, see starts.py)
          │
          ├─ sample due ─▶ measure ─▶ keep in the log ─▶ judge alarms
          ├─ report due or new alarm ─▶ send, obey the answers
          └─ sleep until the earlier of the two: deeply, or lightly for the last seconds
"""

import gc
import os
import sys

from micropython import const

from lyhord_node import clock, counters, nvs, schedule, settings, starts, state
from lyhord_node import identity as identities
from lyhord_node.borrowed import Borrowed, forget
from lyhord_node.outbox import Outbox
from lyhord_node.power import Power
from lyhord_wire.codes import (
    FAULT_CODE,
    FAULT_SAFE_MODE,
    FAULT_SETTINGS,
    FAULT_STORAGE,
    REPORT_PERIOD,
    SAMPLE_PERIOD,
)

_LOG = "/log"
# Bytes. Collecting only when memory is full would leave it in pieces, with lasting things between the gaps.
_COLLECT_EVERY = const(16_384)
_TOLD_ONCE = FAULT_SAFE_MODE | FAULT_SETTINGS
_LIGHT_S = const(5)  # shorter waits do not pay for a start
_CRASH_REST_S = const(60)
_OTHER_LINK = "other link"  # of plan.py, which most wakes do not need


class Node:
    """All that the stages work on: `board`, `power`, `store`, `identity` (None before provisioning),
    `settings`, `state`, `outbox`, `contacts` (None where none are fitted), `version` (number), `reset_cause`
    (number on the wire), `starts`, `linked` (the link that this start has used, see reporting.py)."""

    def __init__(self, board, power, store, kept, version, reset_cause, started):
        self.board = board
        self.power = power
        self.version = version
        self.reset_cause = reset_cause
        self.starts = started
        self.store = store
        self.contacts = None
        self.linked = None
        if _has_contacts(store) and not started.is_safe:  # first: what happens meanwhile counts
            from lyhord_node.contacts import open_contacts

            self.contacts = open_contacts(board, power, store, kept)
        self.identity = identities.load(self.store)
        self.settings = settings.load(self.store)
        self.outbox = Outbox(
            _LOG,
            lambda: counters.lost_sample_number(self.store),
            lambda number: counters.reserve_sample_number(self.store, number),
        )
        self.state = kept
        if self.state is None:
            from lyhord_node.power_loss import begin_anew

            begin_anew(self)
        if self.outbox.damaged:
            self.state.faults |= FAULT_STORAGE
        if started.is_safe:
            self.state.faults |= FAULT_SAFE_MODE
        if started.finds_damage():
            self.state.faults |= FAULT_CODE
        if reset_cause != starts.DEEP_SLEEP:
            self.state.reset_cause = reset_cause
            self.state.status_due = state.STATUS_ALL  # due in the first report after a start
        self.state.unsent = max(self.outbox.stored, min(self.state.unsent, self.outbox.next_seq))
        self.state.wakes += 1
        self.state.save()

    def random(self, below):
        """An even random number in 0…below-1."""
        return int.from_bytes(os.urandom(4), "big") % below


def run(board):
    """The node's program; returns only to a KeyboardInterrupt."""
    gc.threshold(_COLLECT_EVERY)
    forget("lyhord_wire.codes")  # a hundred names, of which this file and settings.py have what they need
    power = Power()
    started = None
    try:
        cause = starts.reset_cause()
        store = nvs.open_store()
        kept = state.kept()
        resting = kept is not None and schedule.waits(clock.now(), kept.rest_until, starts.REST_MAX_S)
        started = starts.Starts(store, cause, resting)
        _live(_wake(board, power, store, kept, cause, started))
    except Exception as crash:  # noqa: BLE001 - our bug, and the only place where one is caught: the node lives on
        sys.print_exception(crash)
        if started is not None:
            started.crashed()
        power.deep_sleep(_CRASH_REST_S if started is None else started.rest_s())  # never dead, never silent


def _wake(board, power, store, kept, cause, started):
    import image

    with Borrowed():
        if kept is not None and _has_contacts(store) and not started.is_safe:
            from lyhord_node.contacts import serve

            serve(board, power, store, kept)
        return Node(board, power, store, kept, image.VERSION_NUMBER, cause, started)


def _has_contacts(store):
    return store.blob("pulses") is not None or store.blob("occupancy") is not None  # texts of config.py


def _live(node):
    _release_pins(node)
    safe = node.starts.is_safe
    if node.reset_cause != starts.DEEP_SLEEP and (safe or node.reset_cause != starts.WATCHDOG):
        _talk(node)
    if safe:
        _live_safely(node)
    while True:
        node.power.feed()
        due = schedule.is_due(clock.now(), node.state.sample_due, node.settings[SAMPLE_PERIOD])
        raised = take_sample(node) if due else False
        again = False
        if raised or schedule.is_report_due(node.state, clock.now(), node.settings[REPORT_PERIOD]):
            again = report(node, urgent=raised)[0] == _OTHER_LINK
            if again:
                node.state.report_at = clock.now()
        if node.contacts:
            node.contacts.note(node.state)
        node.starts.completed()
        node.state.faults &= ~(node.state.told_faults & _TOLD_ONCE)  # what is over is told by its absence
        node.state.save()
        wait = max(1, schedule.next_due(node.state) - clock.now())
        if again or (wait > _LIGHT_S and not (node.contacts and node.contacts.stays_awake)):
            sleep(node, wait)
        node.power.nap_ms(1000 * wait)


def _talk(node):
    with Borrowed():
        from lyhord_node.session import talk

        talk(node)


def _live_safely(node):
    from lyhord_node.safe import live

    live(node)


def _release_pins(node):
    if node.board.HAS_LORA:
        with Borrowed():
            from lyhord_node.hardware import release_pins

            release_pins(node.board)  # held in deep sleep, and by some resets out of it


def measured(node):
    """One set of values, not kept."""
    with Borrowed():
        from lyhord_node.measure import measure

        return measure(node)


def take_sample(node):
    """Measures and keeps; True if a new alarm is to be told at once."""
    period = node.settings[SAMPLE_PERIOD]
    nominal, node.state.sample_due = schedule.place(clock.now(), node.state.sample_due, period)
    stamp = schedule.in_order(node.state.unix(nominal), node.outbox.newest)
    values = measured(node)
    try:
        number = node.outbox.append(stamp, bool(node.state.clock_set), values)
        node.state.faults &= ~FAULT_STORAGE
        if node.contacts:
            node.contacts.taken()
        print("sample", number, values)
    except (OSError, OverflowError, ValueError) as fault:  # it measures, tells and judges in any case
        node.state.faults |= FAULT_STORAGE
        node.state.unkept = min(0xFFFF, node.state.unkept + 1)
        print("sample not kept:", fault)
    if not node.state.report_at:
        _plan_report(node, clock.now())  # the first report of a power session follows the first sample
    return _judge(node, values)


def _judge(node, values):
    with Borrowed():
        from lyhord_node import config
        from lyhord_node.alarms import judge

        profile = config.PROFILES[config.text(node.store, "profile")]
        return judge(node.state, values, node.settings, profile, clock.now())


def _plan_report(node, due):
    schedule.plan_report(node.state, due, node.settings[REPORT_PERIOD], node.random(1 << 30))


def report(node, everything=False, urgent=False):
    """Sends what is due and plans the next report; urgent: even over a link that rests. Returns how it
    ended (None: no link works) and how many samples went out."""
    state = node.state
    state.alarms_due = schedule.tried(state.alarms_due)
    _plan_next(node)
    state.save()  # a start that ends in here is not followed by one that begins in here
    try:
        told = _send(node, everything, urgent)
    except Exception as crash:  # noqa: BLE001 - our bug too is no reason to measure less
        sys.print_exception(crash)
        state.failures = min(0xFFFF, state.failures + 1)
        told = "crashed", 0
    state.free_heap = gc.mem_free()
    print("report:", told[0], told[1], "heap", state.least_heap, state.free_heap)
    _plan_next(node)
    return told


def _plan_next(node):
    state = node.state
    _plan_report(node, schedule.next_report(clock.now(), state.report_due, node.settings[REPORT_PERIOD]))
    schedule.hurry(state, clock.now())


def _send(node, everything, urgent):
    # A function of its own: what it refers to goes with it, or nothing would give its memory back.
    with Borrowed():
        from lyhord_node.reporting import send_due

        return send_due(node, everything, urgent)


def sleep(node, seconds):
    """Saves the state and sleeps deeply; seconds None: until a reset. Does not return."""
    node.state.wake_at = clock.now() + (seconds or 0)
    if node.contacts and seconds:
        node.contacts.sleep(node.state)
    node.state.save()
    if node.board.HAS_LORA:
        from lyhord_node import hardware

        hardware.hold_pins(node.board)
    print("sleep", seconds)
    node.power.deep_sleep(seconds)
