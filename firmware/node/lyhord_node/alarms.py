"""Alarms with hysteresis: which are active after a sample, and whether to send at once. Pure.

    present ──▶ active ──▶ gone        between the two lies the hysteresis: the alarm stays as it is
                  │ stopped by the gateway
                  ▼
               silent until gone

Fire is a temperature over the limit, or one that rises too fast: faster than a slow follower of it, which
leaks 1 °C a minute as the air chamber of a rate-of-rise heat detector does (EN 54-5, class R). So
sunshine on a lid raises none, and the period of the samples does not matter.
"""

from micropython import const

from lyhord_node import pending
from lyhord_node.state import NO_TEMPERATURE, NO_WORD
from lyhord_wire.codes import (
    ALARM_BATTERY_LOW,
    ALARM_COLD,
    ALARM_FIRE,
    ALARM_FULL,
    ALARM_SENSOR_FAULT,
    ALARM_TILTED,
    ALARM_WARM,
    BATTERY,
    FAULT_TEMPERATURE,
    FAULT_ULTRASONIC,
    FILL_LEVEL,
    FIRE_ALARM,
    FROST_ALARM,
    FULL_ALARM,
    PROFILE_BUILDING,
    TEMPERATURE,
    TILT,
    TILT_ALARM,
    WARM_ALARM,
)

_FULL_HYSTERESIS = const(5)  # %
_BATTERY_LOW_MV = const(3300)  # a lithium cell has some 5 % left
_BATTERY_GOOD_MV = const(3450)
_FAULTY_RUN = const(3)  # samples in a row: one missed echo is weather, three are a broken sensor
_SENSORS = FAULT_ULTRASONIC | FAULT_TEMPERATURE
_FIRE_HYSTERESIS_DC = const(50)
_RISE_DC = const(200)  # over the follower: sun, cooking, a lorry's exhaust stay below
_RISE_GONE_DC = const(100)
_FOLLOW_S = const(6)  # for 0.1 °C: 1 °C a minute
_ROOM_HYSTERESIS_DC = const(10)
_TILTED_RUN = const(2)  # samples in a row: a lid is opened, a bin is emptied
_TILT_HYSTERESIS = const(5)  # degrees


def judge(state, values, settings, profile, now):
    """Brings `state.alarms` up to date with a sample's values; True if a new alarm is to be told at once.

    profile: PROFILE_BIN or PROFILE_BUILDING, which alone is too cold or too warm; now: seconds on the line.
    A value of None changes nothing; a quantity that is not measured at all has no alarm. An alarm
    that the gateway has stopped stays silent until its cause has gone away.
    """
    state.alarms.faulty_run = min(255, state.alarms.faulty_run + 1) if state.faults.bits & _SENSORS else 0
    raised = _follow(
        state, ALARM_SENSOR_FAULT, state.alarms.faulty_run >= _FAULTY_RUN, not state.alarms.faulty_run
    )
    full = settings[FULL_ALARM]
    raised |= _above(state, values, FILL_LEVEL, ALARM_FULL, full, max(1, full - _FULL_HYSTERESIS))
    raised |= _below(state, values, BATTERY, ALARM_BATTERY_LOW, _BATTERY_LOW_MV, _BATTERY_GOOD_MV)
    raised |= _tilted(state, values, settings[TILT_ALARM])
    if profile == PROFILE_BUILDING:
        cold, warm = settings[FROST_ALARM], settings[WARM_ALARM]
        raised |= _below(state, values, TEMPERATURE, ALARM_COLD, cold, cold + _ROOM_HYSTERESIS_DC)
        raised |= _above(state, values, TEMPERATURE, ALARM_WARM, warm, warm - _ROOM_HYSTERESIS_DC)
    else:
        raised |= _follow(state, ALARM_COLD, False, True)
        raised |= _follow(state, ALARM_WARM, False, True)
    return _fire(state, values, settings[FIRE_ALARM], now) | raised


def stop(state):
    """The gateway's command: every active alarm is silent until its cause has gone and come again."""
    record = state.alarms
    for code in record.active:
        record.silenced = _without(record.silenced, code) + bytes((code,))
    record.active = b""
    pending.alarms_changed(state)


def _above(state, values, key, code, limit, good):
    """Raised from `limit` on, cleared below `good`."""
    value = values.get(key)
    if value is None:
        return _follow(state, code, False, key not in values)
    return _follow(state, code, value >= limit, value < good)


def _below(state, values, key, code, limit, good):
    """Raised below `limit`, cleared above `good`."""
    value = values.get(key)
    if value is None:
        return _follow(state, code, False, key not in values)
    return _follow(state, code, value < limit, value > good)


def _tilted(state, values, limit):
    # An accelerometer knows degrees, a switch only whether it lies.
    lies, degrees = state.measure.lies, values.get(TILT)
    if degrees is not None:
        lies = degrees >= limit or (state.alarms.tilted_run and degrees > max(0, limit - _TILT_HYSTERESIS))
    if degrees is not None or lies != NO_WORD:
        state.alarms.tilted_run = min(255, state.alarms.tilted_run + 1) if lies else 0
    return _follow(state, ALARM_TILTED, state.alarms.tilted_run >= _TILTED_RUN, not state.alarms.tilted_run)


def _fire(state, values, limit, now):
    temperature = values.get(TEMPERATURE)
    if temperature is None:
        return _follow(state, ALARM_FIRE, False, TEMPERATURE not in values)
    elapsed = max(0, now - state.alarms.judged_at)
    state.alarms.judged_at = now - elapsed % _FOLLOW_S
    if state.alarms.slow_dc == NO_TEMPERATURE:
        state.alarms.slow_dc = temperature
    state.alarms.slow_dc = min(temperature, state.alarms.slow_dc + elapsed // _FOLLOW_S)
    rise = temperature - state.alarms.slow_dc
    hot = temperature >= limit or rise >= _RISE_DC
    cool = temperature < limit - _FIRE_HYSTERESIS_DC and rise < _RISE_GONE_DC
    return _follow(state, ALARM_FIRE, hot, cool)


def _follow(state, code, present, gone):
    record = state.alarms
    if present and code not in record.active and code not in record.silenced:
        record.active = bytes((code,)) + record.active  # the newest first
        pending.alarms_changed(state)
        return True
    if gone:
        record.silenced = _without(record.silenced, code)
        if code in record.active:
            record.active = _without(record.active, code)
            pending.alarms_changed(state)
    return False


def _without(codes, code):
    return bytes([other for other in codes if other != code])
