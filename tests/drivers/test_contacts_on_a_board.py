"""SHT31, pulse input and tilt switch on a virtual board against their emulations."""

import pytest

from boards import devkit_rfm95 as pins
from lyhord_rig import Board, Ports
from lyhord_rig.sensors import sht31
from lyhord_rig.sensors.contact import PulseMeter, TiltSwitch
from lyhord_rig.sensors.sensirion import Fault
from tests.drivers.pulse_meter import METER, PIN
from tests.fakes.board_image import write_image

CLIMATE = """
from machine import I2C, Pin
from boards import devkit_rfm95 as board
from drivers.sht31 import Sht31

sensor = Sht31(I2C(board.I2C_BUS, scl=Pin(board.I2C_SCL), sda=Pin(board.I2C_SDA), freq=100_000))
for _ in range(3):
    print("read", sensor.read(), sensor.fault)
print("honest", sensor.is_honest(), sensor.fault)
print("done")
"""
TILT = """
from time import sleep_ms
from machine import Pin
from drivers.tilt_switch import TiltSwitch

switch = TiltSwitch(Pin(36, Pin.IN))
for _ in range(30):
    print("tilted", switch.read())
    sleep_ms(84)
print("done")
"""


@pytest.mark.parametrize(("true_dc", "true_dp"), [(215, 480), (-250, 1000), (-400, 0), (1249, 3)])
async def test_climate(world, run, true_dc, true_dp):
    sensor = sht31.Sht31(world, lambda: true_dc, lambda: true_dp)
    ports = Ports()
    ports.i2c(pins.I2C_BUS, sht31.ADDRESS, sensor, scl=pins.I2C_SCL, sda=pins.I2C_SDA)
    lines = await run(ports, CLIMATE)
    assert lines[:4] == [f"read ({true_dc}, {true_dp}) None"] * 3 + ["honest True None"]
    assert (sensor.measurements, sensor.not_acknowledged) == (3, 0)


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (Fault.ABSENT, "absent"),
        (Fault.STUCK, "bus"),
        (Fault.CORRUPT, "crc"),
        (Fault.SILENT, "busy"),
    ],
)
async def test_climate_faults_are_values(world, run, fault, shown):
    sensor = sht31.Sht31(world, lambda: 215, lambda: 480)
    sensor.fault = fault
    ports = Ports()
    ports.i2c(pins.I2C_BUS, sht31.ADDRESS, sensor)
    lines = await run(ports, CLIMATE)
    assert lines[0] == f"read (None, None) {shown}"
    assert lines[3].startswith("honest False")
    assert world.now_us < 2_000_000


async def test_out_of_what_it_can_measure(world, run):
    ports = Ports()
    ports.i2c(pins.I2C_BUS, sht31.ADDRESS, sht31.Sht31(world, lambda: -440, lambda: 480))
    assert (await run(ports, CLIMATE))[0] == "read (None, None) range"


async def test_nobody_on_the_bus(run):
    assert (await run(Ports(), CLIMATE))[0] == "read (None, None) absent"


@pytest.mark.parametrize(("pulse_us", "per_hour"), [(60_000, 600), (2_000_000, 300)])
async def test_a_meter_through_deep_sleep(world, tmp_path, pulse_us, per_hour):
    ports = Ports()
    meter = PulseMeter(world, ports.line(PIN), pulse_us=pulse_us, bounce_us=3_000)
    image = write_image(tmp_path / "meter.img", METER.format(awake_ms=100))
    board = Board(world, "meter", image, tmp_path / "work", ports)
    board.power_on()
    meter.flow(per_hour)
    await world.run(600_000_000)
    meter.flow(0)
    await world.run_for(120)
    counted = [int(line.split()[1]) for line in board.serial_lines() if line.startswith("count")]
    assert meter.pulses > 40 and counted[-1] == meter.pulses
    assert counted == sorted(counted) and board.events.crashes == 0


async def test_tilted_upright_and_rattling(world, run):
    ports = Ports()
    switch = TiltSwitch(world, ports.line(36), bounce_us=50_000)
    world.call_at(1_000_000, switch.tilt, 80)
    world.call_at(2_000_000, switch.tilt, 0)
    lines = await run(ports, TILT)
    said = [line.split()[1] for line in lines if line.startswith("tilted")]
    assert said[0] == "False" and said[15] == "True" and said[-1] == "False"
    assert said.count("True") >= 8
    settled = [one for one, other in zip(said, [None, *said], strict=False) if one != other and one != "None"]
    assert settled[0] == "False" and "True" in settled and settled[-1] == "False"
