"""Alarms: hysteresis, order, silence."""

from lyhord_node.alarms import judge, stop
from lyhord_node.state import State
from lyhord_wire.codes import (
    ALARM_BATTERY_LOW,
    ALARM_COLD,
    ALARM_FIRE,
    ALARM_FULL,
    ALARM_SENSOR_FAULT,
    ALARM_TILTED,
    ALARM_WARM,
    BATTERY,
    FAULT_BATTERY,
    FAULT_TEMPERATURE,
    FAULT_ULTRASONIC,
    FILL_LEVEL,
    FIRE_ALARM,
    FROST_ALARM,
    FULL_ALARM,
    PROFILE_BIN,
    PROFILE_BUILDING,
    TEMPERATURE,
    TILT,
    TILT_ALARM,
    WARM_ALARM,
)
from tests.fakes.node_memory import Rtc

SETTINGS = {FULL_ALARM: 85, FIRE_ALARM: 650, FROST_ALARM: 50, WARM_ALARM: 300, TILT_ALARM: 30}


def sample(state, fill=50, battery=3800):
    return judge(state, {FILL_LEVEL: fill, BATTERY: battery}, SETTINGS, PROFILE_BIN, 0)


def test_full_is_raised_once_and_cleared_below_the_hysteresis():
    state = State(Rtc())
    assert not sample(state, 84)
    assert sample(state, 85) and list(state.alarms.active) == [ALARM_FULL]
    assert not sample(state, 90)
    state.pending.alarms = 0
    for fill in (84, 80):
        assert not sample(state, fill) and list(state.alarms.active) == [ALARM_FULL]
    assert not state.pending.alarms
    assert not sample(state, 79) and state.alarms.active == b""
    assert state.pending.alarms  # the gateway is told, but not at once


def test_limits_near_nothing_can_be_left_again():
    state = State(Rtc())
    settings = SETTINGS | {FULL_ALARM: 3, TILT_ALARM: 4}
    for values, active in (
        ({FILL_LEVEL: 3, TILT: 4}, [ALARM_FULL]),
        ({FILL_LEVEL: 1, TILT: 1}, [ALARM_TILTED, ALARM_FULL]),
        ({FILL_LEVEL: 0, TILT: 0}, []),
    ):
        judge(state, values, settings, PROFILE_BIN, 0)
        assert list(state.alarms.active) == active


def test_the_newest_alarm_comes_first():
    state = State(Rtc())
    sample(state, 90)
    assert sample(state, 90, 3299)
    assert list(state.alarms.active) == [ALARM_BATTERY_LOW, ALARM_FULL]
    sample(state, 90, 3440)
    assert list(state.alarms.active) == [ALARM_BATTERY_LOW, ALARM_FULL]
    sample(state, 90, 3460)
    assert list(state.alarms.active) == [ALARM_FULL]


def test_a_value_that_is_not_there_changes_nothing():
    state = State(Rtc())
    sample(state, 90)
    assert not sample(state, None, None)
    assert list(state.alarms.active) == [ALARM_FULL]


def test_a_sensor_is_broken_after_three_samples_and_well_after_one():
    state = State(Rtc())
    state.faults.bits = FAULT_ULTRASONIC
    assert [sample(state, None) for _ in range(4)] == [False, False, True, False]
    state.faults.bits = 0
    sample(state)
    assert state.alarms.active == b""


def test_a_stopped_alarm_is_silent_until_its_cause_has_gone():
    state = State(Rtc())
    sample(state, 90)
    stop(state)
    assert state.alarms.active == b""
    assert not sample(state, 95) and state.alarms.active == b""
    assert not sample(state, 50)
    assert sample(state, 90) and list(state.alarms.active) == [ALARM_FULL]


def warmth(state, *readings, period=900, profile=PROFILE_BIN):
    """Samples `period` seconds apart; what each made of the alarms."""
    raised = []
    now = state.alarms.judged_at
    for temperature in readings:
        now += period
        raised.append(bool(judge(state, {TEMPERATURE: temperature}, SETTINGS, profile, now)))
    return raised


def test_fire_at_its_limit_with_hysteresis():
    state = State(Rtc())
    state.alarms.slow_dc = 640  # it has come up slowly
    assert warmth(state, 649, 650, 660) == [False, True, False]
    assert list(state.alarms.active) == [ALARM_FIRE]
    warmth(state, 600)
    assert list(state.alarms.active) == [ALARM_FIRE]
    warmth(state, None)
    assert list(state.alarms.active) == [ALARM_FIRE]
    warmth(state, 599)
    assert state.alarms.active == b""


def test_fire_by_its_rise_whatever_the_period():
    for period, step in ((10, 50), (60, 100), (900, 400), (3600, 900)):
        state = State(Rtc())
        readings = [200 + step * i for i in range(1, 9)]
        readings = [temperature for temperature in readings if temperature < 650]
        if not readings:
            continue
        assert not any(warmth(state, 200, 200, period=period))
        assert any(warmth(state, *readings, period=period)), (period, step)


def test_sunshine_on_a_lid_is_no_fire():
    for period in (10, 60, 300, 900, 3600):
        state = State(Rtc())
        warmth(state, 50, period=period)
        temperature = 50
        while temperature < 550:  # 1 degree a minute
            temperature += max(1, period // 6)
            assert not any(warmth(state, min(550, temperature), period=period)), (period, temperature)


def test_a_rise_is_over_when_the_temperature_stays():
    state = State(Rtc())
    warmth(state, 200, period=60)
    assert warmth(state, 399, 420, period=60) == [False, True]
    # 42.0 is 20 over what followed; that follows 1 degree a minute, and 10 is the hysteresis.
    for minute in range(1, 12):
        warmth(state, 420, period=60)
        assert (ALARM_FIRE in state.alarms.active) == (minute < 11), minute
    assert state.pending.alarms


def test_a_first_sample_and_a_clock_that_was_set_are_no_rise():
    state = State(Rtc())
    assert warmth(state, 400) == [False]
    assert not judge(state, {TEMPERATURE: 450}, SETTINGS, PROFILE_BIN, 1_767_225_600)
    assert not judge(state, {TEMPERATURE: 450}, SETTINGS, PROFILE_BIN, 5)
    assert not judge(state, {TEMPERATURE: 455}, SETTINGS, PROFILE_BIN, 905)
    assert state.alarms.active == b""


def test_a_cooling_is_followed_at_once():
    state = State(Rtc())
    warmth(state, 300, 0, period=10)
    assert warmth(state, 190, 210, period=10) == [False, True]


def test_cold_and_warm_in_buildings_only():
    for profile, expected in ((PROFILE_BUILDING, [ALARM_COLD]), (PROFILE_BIN, [])):
        state = State(Rtc())
        warmth(state, 49, profile=profile)
        assert list(state.alarms.active) == expected
    state = State(Rtc())
    for temperature, expected in (
        (50, []),
        (49, [ALARM_COLD]),
        (60, [ALARM_COLD]),
        (None, [ALARM_COLD]),
        (61, []),
        (299, []),
        (300, [ALARM_WARM]),
        (290, [ALARM_WARM]),
        (289, []),
    ):
        warmth(state, temperature, profile=PROFILE_BUILDING, period=36_000)
        assert list(state.alarms.active) == expected, temperature


def test_a_building_that_becomes_a_bin_is_not_cold_any_more():
    state = State(Rtc())
    warmth(state, 0, profile=PROFILE_BUILDING)
    warmth(state, 0)
    assert state.alarms.active == b""


def lean(state, *degrees):
    told = []
    for angle in degrees:
        told.append(bool(judge(state, {TILT: angle}, SETTINGS, PROFILE_BIN, 0)))
    return told


def test_tilted_is_what_lies_in_two_samples():
    state = State(Rtc())
    assert lean(state, 80, 10, 29, 30, 31, 30) == [False, False, False, False, True, False]
    lean(state, 26, None)
    assert list(state.alarms.active) == [ALARM_TILTED]
    lean(state, 25)
    assert state.alarms.active == b""


def test_a_tilt_switch_counts_for_itself():
    state = State(Rtc())
    told = []
    for state.alarms.tilted_run in (1, 2, 3, 0):
        told.append(bool(judge(state, {}, SETTINGS, PROFILE_BIN, 0)))
    assert told == [False, True, False, False] and state.alarms.active == b""


def test_a_quantity_that_is_not_measured_any_more_has_no_alarm():
    state = State(Rtc())
    sample(state, 90, 3000)
    warmth(state, 700)
    assert ALARM_FIRE in state.alarms.active
    judge(state, {}, SETTINGS, PROFILE_BIN, 0)
    assert state.alarms.active == b""


def test_only_what_senses_the_place_is_a_sensor():
    state = State(Rtc())
    state.faults.bits = FAULT_TEMPERATURE
    for _ in range(3):
        sample(state)
    assert list(state.alarms.active) == [ALARM_SENSOR_FAULT]
    state.faults.bits = FAULT_BATTERY
    sample(state)
    assert state.alarms.active == b""


def test_what_is_stopped_stays_silent_within_its_hysteresis():
    state = State(Rtc())
    state.alarms.slow_dc = 640
    warmth(state, 650)
    stop(state)
    assert warmth(state, 660, 610, 655) == [False, False, False] and list(state.alarms.silenced) == [
        ALARM_FIRE
    ]
    assert warmth(state, 590, 655, period=36_000) == [False, True]
