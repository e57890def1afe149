"""The sensor drivers on a virtual board, sensors emulated at pin and slot: values, and every failure."""

import re
from statistics import median

import pytest

from boards import devkit_rfm95 as pins
from lyhord_rig import Ports
from lyhord_rig.sensors import ds18b20 as thermometer
from lyhord_rig.sensors import hcsr04 as ranger
from lyhord_rig.sensors.battery import Battery

RANGE = """
from time import sleep_ms
from machine import Pin
from boards import devkit_rfm95 as board
from drivers.hcsr04 import HcSr04, distance_mm

sensor = HcSr04(Pin(board.ULTRASONIC_TRIGGER, Pin.OUT), Pin(board.ULTRASONIC_ECHO, Pin.IN))
for _ in range({count}):
    echo_us = sensor.ping_us()
    print("echo", echo_us, None if echo_us is None else distance_mm(echo_us, {temperature_dc}))
    sleep_ms(60)
print("done")
"""

TEMPERATURE = """
from time import sleep_ms
from machine import Pin
from onewire import OneWire
from boards import devkit_rfm95 as board
from drivers.ds18b20 import Ds18b20, conversion_ms, scan

bus = OneWire(Pin(board.ONE_WIRE))
"""
SINGLE = (
    TEMPERATURE
    + """
sensor = Ds18b20(bus)
print("resolution", sensor.set_resolution({bits}))
print("start", sensor.start())
sleep_ms({wait})
print("read", sensor.read_dc(), sensor.fault)
print("done")
"""
)
SEVERAL = (
    TEMPERATURE
    + """
sensors = [Ds18b20(bus, rom) for rom in scan(bus)]
print("found", len(sensors))
for sensor in sensors:
    sensor.start()
    sleep_ms(conversion_ms())
for sensor in sensors:
    print("read", sensor.read_dc(), sensor.fault)
print("done")
"""
)


def make_ranger(world, distance_mm, temperature_dc, strays=0.0):
    sensor = ranger.HcSr04(world, lambda: distance_mm, lambda: temperature_dc, strays=strays)
    ports = Ports()
    ports.output(pins.ULTRASONIC_TRIGGER, sensor.trigger)
    ports.pulse(pins.ULTRASONIC_ECHO, sensor.pulse)
    ports.input(pins.ULTRASONIC_ECHO, sensor.level)
    return sensor, ports


@pytest.mark.parametrize(("true_mm", "temperature_dc"), [(150, 200), (1000, -150), (1234, 350), (3990, 0)])
async def test_distances(world, run, true_mm, temperature_dc):
    sensor, ports = make_ranger(world, true_mm, temperature_dc)
    lines = await run(ports, RANGE.format(count=5, temperature_dc=temperature_dc))
    measured_mm = [int(line.split()[2]) for line in lines if line.startswith("echo")]
    assert len(measured_mm) == 5 and abs(median(measured_mm) - true_mm) <= 3
    assert all(abs(mm - true_mm) <= 4 for mm in measured_mm)
    assert (sensor.pings, sensor.too_short, sensor.too_soon) == (5, 0, 0)


@pytest.mark.parametrize("fault", [None, *ranger.Fault])
async def test_no_echo(world, run, fault):
    sensor, ports = make_ranger(world, None, 200)
    sensor.fault = fault
    lines = await run(ports, RANGE.format(count=3, temperature_dc=200))
    assert [line for line in lines if line.startswith("echo")] == ["echo None None"] * 3
    assert world.now_us < 2_000_000


def make_bus(world, *temperatures_dc, family=thermometer.Family.GENUINE):
    devices = [
        thermometer.Ds18b20(world, thermometer.rom_code(serial), lambda value=value: value, family)
        for serial, value in enumerate(temperatures_dc, 0x1234)
    ]
    ports = Ports()
    ports.one_wire(pins.ONE_WIRE, thermometer.OneWireBus(devices))
    return devices, ports


@pytest.mark.parametrize(("bits", "wait"), [(9, 94), (10, 188), (11, 375), (12, 750)])
@pytest.mark.parametrize("true_dc", [-250, -1, 0, 215, 850, 1250])
async def test_temperatures(world, run, bits, wait, true_dc):
    (device,), ports = make_bus(world, true_dc)
    lines = await run(ports, SINGLE.format(bits=bits, wait=wait))
    assert lines[:2] == ["resolution True", "start True"]
    found = re.fullmatch(r"read (-?\d+) None", lines[2])
    step_dc = 5 >> (bits - 9)
    assert found and abs(int(found[1]) - true_dc) <= step_dc + 1
    assert device.conversions == 1


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (thermometer.Fault.ABSENT, "read None absent"),
        (thermometer.Fault.SHORTED, "read None crc"),
        (thermometer.Fault.CORRUPT, "read None crc"),
        (thermometer.Fault.POWER_ON, "read None busy"),
        (thermometer.Fault.DEAF, "read None not measured"),
        (thermometer.Fault.SAGS, "read None not measured"),
        (thermometer.Fault.FAILED, "read None failed"),
    ],
)
async def test_thermometer_faults_are_values(world, run, fault, shown):
    (device,), ports = make_bus(world, 215)
    device.fault = fault
    lines = await run(ports, SINGLE.format(bits=12, wait=750))
    assert lines[2] == shown


@pytest.mark.parametrize("family", thermometer.Family)
async def test_a_reading_that_comes_early_waits_for_the_conversion(world, run, family):
    (device,), ports = make_bus(world, 215, family=family)
    lines = await run(ports, SINGLE.format(bits=12, wait=1))
    assert lines[2] == "read 215 None" and device.conversions == 1


async def test_several_on_one_wire(world, run):
    devices, ports = make_bus(world, 215, -30, 1000)
    lines = await run(ports, SEVERAL)
    assert lines[0] == "found 3"
    assert sorted(line for line in lines if line.startswith("read")) == [
        "read -30 None",
        "read 1000 None",
        "read 215 None",
    ]
    assert [device.conversions for device in devices] == [1, 1, 1]


async def test_battery(world, run):
    battery = Battery(world, charge=0.5)
    ports = Ports()
    divider = pins.BATTERY_DIVIDER_NUM / pins.BATTERY_DIVIDER_DEN
    ports.adc(pins.BATTERY_ADC, lambda: battery.microvolts(divider))
    lines = await run(
        ports,
        """
from machine import ADC, Pin
from boards import devkit_rfm95 as board
from drivers.battery import Battery

adc = ADC(Pin(board.BATTERY_ADC), atten=ADC.ATTN_11DB)
print(Battery(adc, board.BATTERY_DIVIDER_NUM, board.BATTERY_DIVIDER_DEN).read_mv())
print("done")
""",
    )
    assert abs(int(lines[0]) - battery.millivolts()) <= 6
