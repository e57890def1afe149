"""The second half of the story: a report, and when the next one begins."""

import gc
import sys

from lyhord_node import clock, pending, schedule
from lyhord_node.scoped_import import ScopedImport
from lyhord_wire.codes import REPORT_PERIOD


def report(node, everything=False, urgent=False):
    """Sends what is due and plans the next report; urgent: even over a link that rests. Returns how it
    ended (None: no link works) and how many samples went out."""
    state = node.state
    pending.alarms_tried(state)
    _plan_next(node)
    state.save()  # a start that ends in here is not followed by one that begins in here
    try:
        told = _send(node, everything, urgent)
    except Exception as crash:  # noqa: BLE001 - our bug too is no reason to measure less
        sys.print_exception(crash)
        pending.count(state, failures=1)
        told = "crashed", 0
    gc.collect()  # only now does nothing refer any more to what has sent
    state.sending.free_heap = gc.mem_free()
    print("report:", told[0], told[1], "heap", state.transmit.least_heap, state.sending.free_heap)
    _plan_next(node)
    return told


def _plan_next(node):
    state = node.state
    period = node.settings[REPORT_PERIOD]
    due = schedule.next_report(clock.now(), state.schedule.report_due, period)
    schedule.plan_report(state, due, period, node.random(1 << 30))
    schedule.hurry(state, clock.now())


def _send(node, everything, urgent):
    # A function of its own: what it refers to goes with it, or nothing would give its memory back.
    with ScopedImport():
        from lyhord_node.transmit import send_due

        return send_due(node, everything, urgent)
