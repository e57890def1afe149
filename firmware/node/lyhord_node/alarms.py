"""Alarms with hysteresis: which are active after a sample, and whether to send at once. Pure."""

from micropython import const

from lyhord_wire.codes import (
    ALARM_BATTERY_LOW,
    ALARM_FULL,
    ALARM_SENSOR_FAULT,
    BATTERY,
    FAULT_TEMPERATURE,
    FAULT_ULTRASONIC,
    FILL_LEVEL,
    FULL_ALARM,
)

_FULL_HYSTERESIS = const(5)  # %
_BATTERY_LOW_MV = const(3300)  # a lithium cell has some 5 % left
_BATTERY_GOOD_MV = const(3450)
_FAULTY_RUN = const(3)  # samples in a row: one missed echo is weather, three are a broken sensor
_SENSORS = FAULT_ULTRASONIC | FAULT_TEMPERATURE


def judge(state, values, settings):
    """Brings `state.alarms` up to date with a sample's values; True if a new alarm is to be told at once.

    A value of None changes nothing. An alarm that the gateway has stopped stays silent until its
    cause has gone away.
    """
    state.faulty_run = min(255, state.faulty_run + 1) if state.faults & _SENSORS else 0
    fill = values.get(FILL_LEVEL)
    battery = values.get(BATTERY)
    limit = settings[FULL_ALARM]
    raised = False
    for code, present, gone in (
        (
            ALARM_FULL,
            fill is not None and fill >= limit,
            fill is not None and fill < limit - _FULL_HYSTERESIS,
        ),
        (
            ALARM_BATTERY_LOW,
            battery is not None and battery < _BATTERY_LOW_MV,
            battery is not None and battery > _BATTERY_GOOD_MV,
        ),
        (ALARM_SENSOR_FAULT, state.faulty_run >= _FAULTY_RUN, not state.faulty_run),
    ):
        raised = _follow(state, code, present, gone) or raised
    return raised


def stop(state):
    """The gateway's command: every active alarm is silent until its cause has gone and come again."""
    for code in state.alarms:
        if code not in state.silenced:
            state.silenced.append(code)
    state.alarms = []
    state.alarms_due = 1


def _follow(state, code, present, gone):
    if present and code not in state.alarms and code not in state.silenced:
        state.alarms.insert(0, code)
        state.alarms_due = 1
        return True
    if gone:
        if code in state.silenced:
            state.silenced.remove(code)
        if code in state.alarms:
            state.alarms.remove(code)
            state.alarms_due = 1
    return False
