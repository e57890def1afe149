"""The grid of samples and reports."""

import random

from lyhord_node import pending
from lyhord_node.schedule import (
    hurry,
    in_order,
    is_due,
    is_report_due,
    jitter,
    next_report,
    place,
    plan_report,
)
from lyhord_node.state import State
from tests.fakes.node_memory import Rtc


def test_the_first_sample_begins_the_grid():
    assert place(1000, 0, 900) == (1000, 1900)


def test_a_wake_that_is_a_little_off_is_recorded_on_the_grid():
    for off in (-30, -1, 0, 1, 29, 30):
        assert place(10_000 + off, 10_000, 900) == (10_000, 10_900), off


def test_with_a_short_period_the_tolerance_is_a_quarter_of_it():
    assert place(102, 100, 10) == (100, 110)
    assert place(103, 100, 10) == (103, 113)


def test_a_wake_that_missed_places_goes_on_at_a_later_one():
    assert place(10_000 + 3 * 900 + 12, 10_000, 900) == (10_000 + 3 * 900, 10_000 + 4 * 900)
    assert place(10_000 + 3 * 900 - 12, 10_000, 900) == (10_000 + 3 * 900, 10_000 + 4 * 900)


def test_a_wake_off_the_grid_begins_a_new_one():
    assert place(10_400, 10_000, 900) == (10_400, 11_300)
    assert place(5_000, 10_000, 900) == (5_000, 5_900)  # the clock went back


def test_the_grid_only_moves_forward_and_by_whole_periods():
    seed = 4711
    print("seed", seed)
    random.seed(seed)
    for _ in range(2000):
        period = 10 + random.getrandbits(10)
        due = 1_767_225_600 + random.getrandbits(12)
        now = due + random.getrandbits(13) - 1000
        nominal, following = place(now, due, period)
        assert following == nominal + period
        assert abs(now - nominal) <= min(period // 4, 30)
        assert following > now - min(period // 4, 30)


def test_a_wake_that_is_two_percent_early_is_in_time():
    assert is_due(982, 1000, 900) and not is_due(981, 1000, 900)
    assert is_due(1000, 1000, 10) and not is_due(999, 1000, 10)
    assert is_due(99_970, 100_000, 86_400) and not is_due(99_969, 100_000, 86_400)
    assert is_due(5, 0, 900)


def test_reports_keep_their_grid_and_a_clock_that_jumped_begins_a_new_one():
    assert next_report(1000, 990, 120) == 1110
    assert next_report(1000, 1000, 120) == 1120
    assert next_report(1230, 990, 120) == 1350
    assert next_report(1000, 0, 120) == 1120
    assert next_report(1000, 900_000, 120) == 1120
    assert next_report(900_000, 1000, 120) == 900_120


def test_the_jitter_covers_a_tenth_of_the_period_and_no_more():
    waits = set([jitter(3600, number * 7919) for number in range(2000)])
    assert min(waits) == 0 and max(waits) == 360
    assert jitter(9, 12345) == 0


def test_a_mark_further_away_than_its_period_is_none():
    assert is_due(1000, 1000 + 86_400, 60)
    for period in (10, 60, 900, 3600, 86_400):
        for far in (period + 61, 2 * period + 61, 86_400 + period + 61, 3650 * 86_400):
            assert is_due(10_000, 10_000 + far, period), (period, far)
        assert not is_due(10_000, 10_000 + period, period)
        # A wake that was early by all that `place` allows has its next place that much further away.
        _, following = place(10_000 - min(period // 4, 30), 10_000, period)
        assert not is_due(10_000 - min(period // 4, 30), following, period)


def test_reports_wait_for_their_start_and_for_the_duty_cycle_but_for_nothing_that_cannot_be():
    state = State(Rtc())
    assert not is_report_due(state, 10_000, 120)  # none is planned before the first sample
    plan_report(state, 10_120, 120, 12)
    assert (state.schedule.report_due, state.schedule.report_at) == (10_120, 10_132)
    assert not is_report_due(state, 10_131, 120) and is_report_due(state, 10_132, 120)
    state.transmit.not_before = 10_132 + 3601
    assert not is_report_due(state, 10_132, 120)
    assert not is_report_due(state, 13_732, 120) and is_report_due(state, 13_733, 120)
    state.transmit.not_before = 10_132 + 86_400
    assert is_report_due(state, 10_132, 120)
    state.transmit.not_before, state.schedule.report_at = 0, 10_000 + 86_400
    assert is_report_due(state, 10_000, 120) and not is_report_due(state, 10_000, 86_400)


def test_alarms_that_nobody_hears_are_told_less_and_less_often():
    state = State(Rtc())
    pending.alarms_changed(state)
    waits = []
    for _ in range(12):
        pending.alarms_tried(state)
        plan_report(state, 1_000_000, 120, 0)
        hurry(state, 10_000)
        waits.append(state.schedule.report_at - 10_000)
    assert waits[:4] == [60, 120, 240, 480] and waits[-1] == waits[-2] == 15_360
    pending.alarms_changed(state)  # another one: from the beginning
    pending.alarms_tried(state)
    hurry(state, 10_000)
    assert state.schedule.report_at - 10_000 == 60


def test_what_is_to_be_sent_lies_within_the_log():
    state = State(Rtc())
    pending.sent_below(state, 900)
    pending.bound_unsent(state, 0, 5)  # the log was lost: its numbers begin anew
    assert state.pending.unsent == 5
    pending.sent_below(state, 3)
    assert state.pending.unsent == 5
    pending.bound_unsent(state, 2, 2)
    assert state.pending.unsent == 2


def test_stamps_keep_their_order_where_the_clock_was_put_back_a_little():
    assert in_order(1000, None) == 1000
    assert in_order(1000, 999) == 1000
    assert in_order(1000, 1000) == 1001 and in_order(1000, 1059) == 1060
    assert in_order(1000, 1060) == 1000 and in_order(1000, 1000 + 86_400) == 1000
