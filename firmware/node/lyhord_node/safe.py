"""Safe mode: too many starts came to no end. The node measures, keeps and tells alarms as ever; what may be
at fault, it tries seldom (see boot_guard.py).

    wake ─▶ a report over WiFi, once per rest ─▶ sample due ─▶ measure, keep, judge ─▶ a new alarm ─▶ any link
                                                    │
                                                    └─ the last one did not come to its end: not in this rest

So each stage is tried again with each rest, and none keeps another from its turn.
"""

from lyhord_node import clock, schedule
from lyhord_node.sampling import take_sample
from lyhord_node.sending import report
from lyhord_node.sleeping import sleep
from lyhord_wire.codes import REPORT_PERIOD, SAMPLE_PERIOD


def live(node):
    """One wake; does not return."""
    state, guard = node.state, node.boot_guard
    if not guard.is_resting:
        state.safe.rest_until = clock.now() + guard.rest_s()
        state.save()
    if guard.reports and node.identity:
        report(node, urgent=True)
    raised = False
    if guard.may_measure:
        if schedule.is_due(clock.now(), state.schedule.sample_due, node.settings[SAMPLE_PERIOD]):
            guard.begin_measuring()
            raised = take_sample(node)
            guard.has_measured()
            state.save()
        again = state.pending.alarms and schedule.is_report_due(
            state, clock.now(), node.settings[REPORT_PERIOD]
        )
        if node.identity and (raised or again):
            report(node, urgent=True)
    due = state.safe.rest_until
    if guard.may_measure:
        due = min(due, schedule.next_due(state) if state.pending.alarms else state.schedule.sample_due)
    sleep(node, max(1, due - clock.now()))
