"""The first half of the story: measure, keep in the log, judge the alarms."""

from lyhord_node import clock, faults, pending, schedule
from lyhord_node.scoped_import import ScopedImport
from lyhord_wire.codes import FAULT_STORAGE, REPORT_PERIOD, SAMPLE_PERIOD


def measured(node, is_trial=False):
    """One set of values, not kept; is_trial: the next sample is not compared with it."""
    with ScopedImport():
        from lyhord_node.measure import measure

        return measure(node, is_trial)


def take_sample(node):
    """Measures and keeps; True if a new alarm is to be told at once."""
    period = node.settings[SAMPLE_PERIOD]
    nominal = schedule.take_place(node.state, clock.now(), period)
    stamp = schedule.in_order(node.state.unix(nominal), node.outbox.newest)
    values = measured(node)
    try:
        number = node.outbox.append(stamp, bool(node.state.timebase.is_set), values)
        faults.note(node.state, FAULT_STORAGE, False)
        if node.contacts:
            node.contacts.taken()
        print("sample", number, values)
    except (OSError, OverflowError, ValueError) as fault:  # it measures, tells and judges in any case
        faults.note(node.state, FAULT_STORAGE, True)
        pending.count(node.state, unkept=1)
        print("sample not kept:", fault)
    if not node.state.schedule.report_at:  # the first report of a power session follows the first sample
        schedule.plan_report(node.state, clock.now(), node.settings[REPORT_PERIOD], node.random(1 << 30))
    return _judge(node, values)


def _judge(node, values):
    with ScopedImport():
        from lyhord_node import config
        from lyhord_node.alarms import judge

        profile = config.PROFILES[config.text(node.nvs, "profile")]
        return judge(node.state, values, node.settings, profile, clock.now())
