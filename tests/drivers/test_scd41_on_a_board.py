"""The SCD41's driver on a virtual board against its emulation: numbers, times, and every failure."""

import pytest

from boards import devkit_rfm95 as pins
from lyhord_rig import Ports
from lyhord_rig.sensors import scd41
from lyhord_rig.sensors.sensirion import Fault

MAIN = """
from time import ticks_diff, ticks_ms
from machine import I2C, Pin
from boards import devkit_rfm95 as board
from drivers.scd41 import Scd41

sensor = Scd41(I2C(board.I2C_BUS, scl=Pin(board.I2C_SCL), sda=Pin(board.I2C_SDA), freq=100_000))
for _ in range({reads}):
    began = ticks_ms()
    print("read", sensor.read(), sensor.fault, ticks_diff(ticks_ms(), began))
print("done")
"""


async def read(run, sensor, reads=1):
    """(CO2, fault, milliseconds) as printed, of each read."""
    ports = Ports()
    if sensor is not None:
        ports.i2c(pins.I2C_BUS, scd41.ADDRESS, sensor, scl=pins.I2C_SCL, sda=pins.I2C_SDA)
    lines = await run(ports, MAIN.format(reads=reads))
    said = [line.split() for line in lines if line.startswith("read")]
    return [(co2, fault, int(took)) for _, co2, fault, took in said]


@pytest.mark.parametrize("true_ppm", [300, 425, 1203, 5000, 39_999])
async def test_co2(world, run, true_ppm):
    sensor = scd41.Scd41(world, lambda: true_ppm, lambda: 215, lambda: 480)
    for co2, fault, took_ms in await read(run, sensor, reads=3):
        assert (co2, fault) == (str(true_ppm), "None") and 10_000 <= took_ms <= 10_200
    assert sensor.shots == 6 and sensor.asleep
    assert sensor.not_acknowledged == 0


@pytest.mark.parametrize("true_ppm", [0, 299, 40_000])
async def test_what_no_air_has_is_no_number(world, run, true_ppm):
    sensor = scd41.Scd41(world, lambda: true_ppm, lambda: 215, lambda: 480)
    assert (await read(run, sensor))[0][:2] == ("None", "range")


@pytest.mark.parametrize(
    ("fault", "shown", "most_ms"),
    [
        (Fault.ABSENT, "absent", 100),
        (Fault.STUCK, "bus", 400),
        (Fault.SILENT, "busy", 6_200),
        (Fault.CORRUPT, "crc", 10_200),
    ],
)
async def test_failures_are_values_and_end(world, run, fault, shown, most_ms):
    sensor = scd41.Scd41(world, lambda: 600, lambda: 215, lambda: 480)
    sensor.fault = fault
    # One that does not come to an end acknowledges nothing afterwards either.
    reads = 1 if fault is Fault.SILENT else 4
    for co2, why, took_ms in await read(run, sensor, reads):
        assert (co2, why) == ("None", shown) and took_ms <= most_ms


async def test_a_dead_light_source_is_no_air_without_co2(world, run):
    sensor = scd41.Scd41(world, lambda: 600, lambda: 215, lambda: 480)
    sensor.is_dark = True
    for co2, why, took_ms in await read(run, sensor, 4):
        assert (co2, why) == ("None", "range") and took_ms <= 10_200


async def test_nobody_on_the_bus(run):
    assert (await read(run, None))[0][:2] == ("None", "absent")
