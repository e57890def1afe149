"""One sample of what is fitted to this node: how full, how warm, how it lies, who was there.

    power on ─▶ conversion begins ─▶ pings ─▶ temperature ─▶ CO2 ─▶ power off ─▶ surface, battery, contacts

A sensor that is absent, silent or lying gives None and sets its fault bit; it never gives a number. The
wire has one bit for all that tells of the air: temperature, humidity, CO2. A quantity whose
sensor is not fitted is not in the sample.
"""

from time import sleep_ms

from micropython import const

from lyhord_node import clock, fitted, hardware
from lyhord_wire.codes import (
    BATTERY,
    CO2,
    DISTANCE,
    EMPTY_DISTANCE,
    FAULT_BATTERY,
    FAULT_TEMPERATURE,
    FAULT_ULTRASONIC,
    FILL_LEVEL,
    FILL_QUALITY,
    FULL_DISTANCE,
    HUMIDITY,
    TEMPERATURE,
)

PINGS = const(5)
_SETTLE_MS = const(50)  # sensors after power-on; a ranger may want more
_BATTERY_STEP_MV = const(20)  # finer is the ADC's noise, and would cost bytes on the air
_COUNT_MAX = const(0xFFFF)


def measure(node):
    """{quantity: integer or None} in the wire's units. `node.state` takes fault bits and what the next
    sample is compared with."""
    board, state = node.board, node.state
    fit = fitted.load(node.store)
    values = {}
    assumed_dc = state.temperature_dc  # the pings do not wait for the thermometer
    ranger = hardware.ranger(board, fit["ranger"]) if fit["ranger"] != fitted.NONE else None
    hardware.power_sensors(board, True)
    try:
        sleep_ms(_SETTLE_MS)
        air = _begin_air(board, fit["thermometer"])
        echoes = _pings(ranger, assumed_dc) if ranger else None
        if air:
            _take_air(air, values, state)
        if fit["co2"] != fitted.NONE:  # ten seconds, in light sleep where nothing else is counted
            values[CO2] = hardware.scd41(board).read(node.power.nap_ms)
    finally:
        hardware.power_sensors(board, False)
    _note(state, FAULT_TEMPERATURE, None in values.values())
    if ranger:
        _take_surface(_distances(ranger, echoes, assumed_dc, state.temperature_dc), values, node)
    else:
        _note(state, FAULT_ULTRASONIC, False)
    _take_battery(board, fit["supply"], values, state)
    _take_tilt(board, fit["tilt"], state)
    if node.contacts:
        node.contacts.read(values, clock.now() - state.started)
    return values


def _begin_air(board, choice):
    if choice == fitted.NONE:
        return None
    from lyhord_node.climate import climate

    air = climate(board, choice)
    air.start()
    return air


def _pings(ranger, temperature_dc):
    """What `PINGS` pings gave: millimetres or reasons."""
    from drivers.ranging import pings

    if ranger.settle_ms > _SETTLE_MS:
        sleep_ms(ranger.settle_ms - _SETTLE_MS)
    return pings(ranger, PINGS, temperature_dc)


def _take_air(air, values, state):
    temperature, humidity = air.finish()
    values[TEMPERATURE] = temperature
    if air.has_humidity:
        values[HUMIDITY] = humidity
    if temperature is not None:  # else the last one believed is nearer to the truth than any constant
        state.temperature_dc = temperature


def _distances(ranger, echoes, assumed_dc, actual_dc):
    from drivers.ranging import is_mm, rescaled_mm

    distances = [mm for mm in echoes if is_mm(mm)]
    if ranger.compensates:
        return distances
    return [rescaled_mm(mm, assumed_dc, actual_dc) for mm in distances]


def _take_surface(distances, values, node):
    from lyhord_node.echo import Surface

    state, settings = node.state, node.settings
    surface = Surface(state.surface)
    verdict = surface.judge(distances, PINGS, settings[EMPTY_DISTANCE], settings[FULL_DISTANCE])
    state.surface = surface.pack()
    values[DISTANCE] = verdict.distance_mm
    values[FILL_LEVEL] = verdict.level
    values[FILL_QUALITY] = verdict.quality
    _note(state, FAULT_ULTRASONIC, verdict.faulty)
    if verdict.emptied:
        state.emptied = min(_COUNT_MAX, state.emptied + 1)
        print("emptied")


def _take_battery(board, supply, values, state):
    if supply != "battery":
        state.battery_mv = 0
        _note(state, FAULT_BATTERY, False)
        return
    mv = hardware.battery(board).read_mv()
    _note(state, FAULT_BATTERY, mv is None)
    if mv is not None:
        mv -= mv % _BATTERY_STEP_MV
        state.battery_mv = mv
    values[BATTERY] = mv


def _take_tilt(board, choice, state):
    """A switch knows no degrees: it raises the alarm, and the quantity stays away."""
    if choice == fitted.NONE:
        state.tilted_run = 0
        return
    lies = hardware.tilt_switch(board, choice).read()
    if lies is not None:  # while it rattles nothing has changed
        state.tilted_run = min(255, state.tilted_run + 1) if lies else 0


def _note(state, fault, present):
    state.faults = state.faults | fault if present else state.faults & ~fault
