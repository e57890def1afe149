"""The node's story: wake → measure → keep → send → sleep. This file alone knows all stages.

start ─▶ wake ─▶ (console, after power-on or reset only) ─▶ (shelf.py) ─▶ (safe mode, see boot_guard.py)
          │
          ├─ sample due ─▶ measure ─▶ keep in the log ─▶ judge alarms                    (sampling.py)
          ├─ report due or new alarm ─▶ send, obey the answers                           (sending.py)
          └─ sleep until the earlier of the two: deeply, or lightly for the last seconds (sleeping.py)
"""

import gc
import sys

from micropython import const

from lyhord_node import boot_guard, clock, faults, schedule, state
from lyhord_node.node import Node
from lyhord_node.nvs import open_nvs
from lyhord_node.power import Power
from lyhord_node.sampling import take_sample
from lyhord_node.scoped_import import ScopedImport, forget
from lyhord_node.sending import report
from lyhord_node.sleeping import sleep
from lyhord_wire.codes import FAULT_CODE, FAULT_SAFE_MODE, FAULT_SETTINGS, REPORT_PERIOD, SAMPLE_PERIOD

# Bytes. Collecting only when memory is full would leave it in pieces, with lasting things between the gaps.
_COLLECT_EVERY = const(16_384)
_REPORTED_ONCE = FAULT_CODE | FAULT_SAFE_MODE | FAULT_SETTINGS
_LIGHT_S = const(5)  # shorter waits do not pay for a start
_CRASH_REST_S = const(60)
_OTHER_LINK = "other link"  # of link_selector.py, which most wakes do not need


def run(board):
    """The node's program; returns only to a KeyboardInterrupt."""
    gc.threshold(_COLLECT_EVERY)
    forget("lyhord_wire.codes")  # a hundred names, of which this file and settings.py have what they need
    power = Power()
    started = None
    try:
        cause = boot_guard.reset_cause()
        nvs = open_nvs()
        kept = state.kept()
        resting = kept is not None and schedule.waits(
            clock.now(), kept.safe.rest_until, boot_guard.REST_MAX_S
        )
        started = boot_guard.BootGuard(nvs, cause, resting)
        node = Node(board, power, nvs)
        _wake(node, kept, cause, started)
        _live(node)
    except Exception as crash:  # noqa: BLE001 - our bug, and the only place where one is caught: the node lives on
        sys.print_exception(crash)
        if started is not None:
            started.crashed()
        power.deep_sleep(_CRASH_REST_S if started is None else started.rest_s())  # never dead, never silent


def _wake(*start):
    with ScopedImport():
        from lyhord_node.waking import wake

        wake(*start)


def _live(node):
    _release_pins(node)
    safe = node.boot_guard.is_safe
    if node.reset_cause != boot_guard.DEEP_SLEEP and (safe or node.reset_cause != boot_guard.WATCHDOG):
        _talk(node)
    if node.nvs.number("shelf", 0):
        _rest(node)
    if safe:
        _live_safely(node)
    while True:
        node.power.feed()
        due = schedule.is_due(clock.now(), node.state.schedule.sample_due, node.settings[SAMPLE_PERIOD])
        raised = take_sample(node) if due else False
        again = False
        if raised or schedule.is_report_due(node.state, clock.now(), node.settings[REPORT_PERIOD]):
            again = report(node, urgent=raised)[0] == _OTHER_LINK
            if again:
                schedule.report_now(node.state, clock.now())
        if node.contacts:
            node.contacts.note(node.state)
        node.boot_guard.completed()
        over = node.state.uplink_builder.faults & _REPORTED_ONCE
        faults.note(node.state, over, False)  # it is not in the next status
        node.state.save()
        wait = max(1, schedule.next_due(node.state) - clock.now())
        if again or (wait > _LIGHT_S and not (node.contacts and node.contacts.stays_awake)):
            sleep(node, wait)
        node.power.nap_ms(1000 * wait)


def _talk(node):
    with ScopedImport():
        from lyhord_node.session import talk

        talk(node)


def _rest(node):
    from lyhord_node.shelf import rest

    rest(node)


def _live_safely(node):
    from lyhord_node.safe import live

    live(node)


def _release_pins(node):
    if node.board.HAS_LORA:
        with ScopedImport():
            from lyhord_node.hardware import release_pins

            release_pins(node.board)  # held in deep sleep, and by some resets out of it
