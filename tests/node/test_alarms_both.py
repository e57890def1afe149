"""Alarms: hysteresis, order, silence."""

from lyhord_node.alarms import judge, stop
from lyhord_node.state import State
from lyhord_wire.codes import (
    ALARM_BATTERY_LOW,
    ALARM_FULL,
    BATTERY,
    FAULT_ULTRASONIC,
    FILL_LEVEL,
    FULL_ALARM,
)
from tests.fakes.node_memory import Rtc

SETTINGS = {FULL_ALARM: 85}


def sample(state, fill=50, battery=3800):
    return judge(state, {FILL_LEVEL: fill, BATTERY: battery}, SETTINGS)


def test_full_is_raised_once_and_cleared_below_the_hysteresis():
    state = State(Rtc())
    assert not sample(state, 84)
    assert sample(state, 85) and state.alarms == [ALARM_FULL]
    assert not sample(state, 90)
    state.alarms_due = 0
    for fill in (84, 80):
        assert not sample(state, fill) and state.alarms == [ALARM_FULL]
    assert not state.alarms_due
    assert not sample(state, 79) and state.alarms == []
    assert state.alarms_due  # the gateway is told, but not at once


def test_the_newest_alarm_comes_first():
    state = State(Rtc())
    sample(state, 90)
    assert sample(state, 90, 3299)
    assert state.alarms == [ALARM_BATTERY_LOW, ALARM_FULL]
    sample(state, 90, 3440)
    assert state.alarms == [ALARM_BATTERY_LOW, ALARM_FULL]
    sample(state, 90, 3460)
    assert state.alarms == [ALARM_FULL]


def test_a_value_that_is_not_there_changes_nothing():
    state = State(Rtc())
    sample(state, 90)
    assert not sample(state, None, None)
    assert state.alarms == [ALARM_FULL]


def test_a_sensor_is_broken_after_three_samples_and_well_after_one():
    state = State(Rtc())
    state.faults = FAULT_ULTRASONIC
    assert [sample(state, None) for _ in range(4)] == [False, False, True, False]
    state.faults = 0
    sample(state)
    assert state.alarms == []


def test_a_stopped_alarm_is_silent_until_its_cause_has_gone():
    state = State(Rtc())
    sample(state, 90)
    stop(state)
    assert state.alarms == []
    assert not sample(state, 95) and state.alarms == []
    assert not sample(state, 50)
    assert sample(state, 90) and state.alarms == [ALARM_FULL]
