"""One sample of what is fitted to this node: how full, how warm, how it lies, who was there.

    opened ─▶ power on ─▶ all begun ─▶ pings ─▶ the others' results ─▶ power off ─▶ surface, tilt, battery,
    contacts

A sensor that is absent, silent or lying gives None and sets its fault bit; it never gives a number. The
wire has one bit for all that tells of the air: temperature, humidity, CO2. A quantity whose
sensor is not fitted is not in the sample. Which sensor stands in a slot is its driver's business
(drivers/sensor.py).
"""

from binascii import crc32
from time import sleep_ms

from micropython import const

from drivers.sensor import result_of
from lyhord_node import clock, faults, hardware, sensor_config
from lyhord_node.sensor_catalog import driver
from lyhord_node.state import NO_WORD
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
_SETTLE_MS = const(50)  # sensors after power-on; a ranger may want more
_BATTERY_STEP_MV = const(20)  # finer is the ADC's noise, and would cost bytes on the air
_COUNT_MAX = const(0xFFFF)
# Slots that are more than the numbers of their driver.
_OTHERWISE = ("ranger", "tilt", "pulses", "occupancy", "supply")


def measure(node, is_trial=False):
    """{quantity: integer or None} in the wire's units. `node.state` takes fault bits and what the next
    sample is compared with. is_trial: nothing that the next sample is compared with changes."""
    board, state = node.board, node.state
    fit = sensor_config.load(node.nvs)
    values = {}
    assumed_dc = state.measure.temperature_dc  # the pings do not wait for the thermometer
    ranger = _open(board, "ranger", fit)[1]  # before it has power
    plain = [_open(board, slot, fit) for slot in sensor_config.SLOTS if slot not in _OTHERWISE]
    hardware.power_sensors(board, True)
    try:
        sleep_ms(_SETTLE_MS)
        for _, sensor in plain:
            if sensor:
                sensor.start()
        echoes = _pings(ranger, assumed_dc) if ranger else None
        for quantities, sensor in plain:
            if sensor:  # CO2 takes ten seconds, in light sleep where nothing else is counted
                _take(quantities, result_of(sensor, node.power.nap_ms), values)
    finally:
        hardware.power_sensors(board, False)
    faults.note(state, FAULT_TEMPERATURE, None in values.values())
    if values.get(TEMPERATURE) is not None:  # else the last one believed is nearest
        state.measure.temperature_dc = values[TEMPERATURE]
    if ranger:
        distances = _distances(ranger, echoes, assumed_dc, state.measure.temperature_dc)
        _take_surface(distances, values, node, fit["ranger"], is_trial)
    else:
        faults.note(state, FAULT_ULTRASONIC, False)
    _take_battery(_open(board, "supply", fit)[1], values, state)
    _take_tilt(_open(board, "tilt", fit)[1], state)
    if node.contacts:
        node.contacts.read(values, clock.now() - state.timebase.started)
    return values


def _open(board, slot, fit):
    """(quantities, sensor) of what is fitted there; (None, None) where nothing is."""
    module = driver(slot, fit[slot])
    return (module.QUANTITIES, module.open(board, fit[slot])) if module else (None, None)


def _take(quantities, result, values):
    """A driver's result into `values`: a number, one per quantity, or a reason, which makes all of them
    None."""
    numbers = result if isinstance(result, tuple) else (result,) * len(quantities)
    for place, key in enumerate(quantities):
        values[key] = None if isinstance(result, str) else numbers[place]


def _pings(ranger, temperature_dc):
    """The results of `PINGS` pings: millimetres or reasons."""
    from drivers.ranging import pings

    if ranger.settle_ms > _SETTLE_MS:
        sleep_ms(ranger.settle_ms - _SETTLE_MS)
    return pings(ranger, PINGS, temperature_dc)


def _distances(ranger, echoes, assumed_dc, actual_dc):
    from drivers.ranging import is_mm, rescaled_mm

    distances = [mm for mm in echoes if is_mm(mm)]
    if ranger.compensates:
        return distances
    return [rescaled_mm(mm, assumed_dc, actual_dc) for mm in distances]


def _take_surface(distances, values, node, ranger, is_trial):
    from lyhord_node.level_filter import LevelTracker

    state, settings = node.state, node.settings
    empty_mm, full_mm = settings[EMPTY_DISTANCE], settings[FULL_DISTANCE]
    # What another ranger saw, or in another bin, is no measure for this one.
    where = crc32(b"%s %d %d" % (ranger.encode(), empty_mm, full_mm)).to_bytes(4, "big")
    before = state.measure.level
    tracker = LevelTracker(before[4:] if before[:4] == where and not is_trial else b"")
    verdict = tracker.judge(distances, PINGS, empty_mm, full_mm)
    if not is_trial:
        state.measure.level = where + tracker.pack()
    values[DISTANCE] = verdict.distance_mm
    values[FILL_LEVEL] = verdict.level
    values[FILL_QUALITY] = verdict.quality
    faults.note(state, FAULT_ULTRASONIC, verdict.faulty)
    if verdict.emptied and not is_trial:
        state.measure.emptied = min(_COUNT_MAX, state.measure.emptied + 1)
        print("emptied")


def _take_battery(sensor, values, state):
    if sensor is None:
        state.measure.battery_mv = 0
        faults.note(state, FAULT_BATTERY, False)
        return
    result = _once(sensor)
    mv = None if isinstance(result, str) else result
    faults.note(state, FAULT_BATTERY, mv is None)
    if mv is not None:
        mv -= mv % _BATTERY_STEP_MV
        state.measure.battery_mv = mv
    values[BATTERY] = mv


def _take_tilt(sensor, state):
    """A switch knows no degrees: it raises the alarm, and the quantity stays away."""
    lies = _once(sensor) if sensor else 0
    state.measure.lies = (
        NO_WORD if isinstance(lies, str) else int(lies)
    )  # while it rattles nothing has changed


def _once(sensor):
    sensor.start()
    return result_of(sensor)
