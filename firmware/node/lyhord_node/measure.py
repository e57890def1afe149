"""One sample of the bin profile: distance and fill level, temperature, battery.

A sensor that is absent, silent or lying gives None and sets its fault bit; it never gives a number.
"""

from time import sleep_ms, ticks_add, ticks_diff, ticks_ms

from micropython import const

from drivers.ds18b20 import conversion_ms
from drivers.hcsr04 import distance_mm
from lyhord_node import fill, hardware
from lyhord_wire.codes import (
    BATTERY,
    DISTANCE,
    EMPTY_DISTANCE,
    FAULT_BATTERY,
    FAULT_TEMPERATURE,
    FAULT_ULTRASONIC,
    FILL_LEVEL,
    FILL_QUALITY,
    FULL_DISTANCE,
    TEMPERATURE,
)

PINGS = const(5)
_PING_EVERY_MS = const(60)  # HC-SR04 data sheet: an echo of the last ping must have died away
_SETTLE_MS = const(50)  # sensors after power-on
_BITS = const(11)  # 0.125 °C in 375 ms: the pings take that long anyway, 12 bits would double it
_CONVERSION_MARGIN_MS = const(10)
_NEAREST_MM = const(20)  # the ranger's blind zone
_FARTHEST_MM = const(5000)
_LOWEST_DC = const(-550)
_HIGHEST_DC = const(1250)
_BATTERY_LEAST_MV = const(1000)  # less is an open or shorted divider: the node would not be running
_BATTERY_STEP_MV = const(20)  # finer is the ADC's noise, and would cost bytes on the air


def measure_bin(board, state, settings):
    """{quantity: integer or None} in the wire's units; `state` takes fault bits, temperature and battery."""
    values = {}
    hardware.power_sensors(board, True)
    try:
        sleep_ms(_SETTLE_MS)
        thermometer = hardware.thermometer(board)
        ready = _start(thermometer)
        echoes = _pings(hardware.ultrasonic(board))
        values[TEMPERATURE] = _temperature(thermometer, ready, state)
    finally:
        hardware.power_sensors(board, False)
    temperature = values[TEMPERATURE]
    if temperature is None:  # the last one believed is nearer to the truth than any constant
        temperature = state.temperature_dc
    _note(state, FAULT_TEMPERATURE, values[TEMPERATURE] is None)
    _fill(values, echoes, temperature, settings)
    _note(state, FAULT_ULTRASONIC, values[DISTANCE] is None)
    values[BATTERY] = _battery(board, state)
    return values


def _start(thermometer):
    """ticks_ms at which the conversion is over, or None without a thermometer."""
    if not thermometer.set_resolution(_BITS) or not thermometer.start():
        return None
    return ticks_add(ticks_ms(), conversion_ms(_BITS) + _CONVERSION_MARGIN_MS)


def _pings(ranger):
    echoes = []
    for i in range(PINGS):
        if i:
            sleep_ms(_PING_EVERY_MS)
        echo_us = ranger.ping_us()
        if echo_us is not None:
            echoes.append(echo_us)
    return echoes


def _temperature(thermometer, ready, state):
    if ready is None:
        return None
    wait = ticks_diff(ready, ticks_ms())
    if wait > 0:
        sleep_ms(wait)
    temperature = thermometer.read_dc(state.temperature_dc)
    if temperature is None or not _LOWEST_DC <= temperature <= _HIGHEST_DC:
        return None
    state.temperature_dc = temperature
    return temperature


def _fill(values, echoes, temperature, settings):
    distances = [distance_mm(echo_us, temperature) for echo_us in echoes]
    distances = [mm for mm in distances if _NEAREST_MM <= mm <= _FARTHEST_MM]
    agreed = fill.agreeing(distances) if distances else []
    distance = fill.median(agreed) if agreed else None
    values[DISTANCE] = distance
    values[FILL_LEVEL] = (
        None if distance is None else fill.level(distance, settings[EMPTY_DISTANCE], settings[FULL_DISTANCE])
    )
    values[FILL_QUALITY] = fill.quality(agreed, PINGS)


def _battery(board, state):
    mv = hardware.battery(board).read_mv()
    _note(state, FAULT_BATTERY, mv < _BATTERY_LEAST_MV)
    if mv < _BATTERY_LEAST_MV:
        return None
    state.battery_mv = mv - mv % _BATTERY_STEP_MV
    return state.battery_mv


def _note(state, fault, present):
    state.faults = state.faults | fault if present else state.faults & ~fault
