"""Every ranger on a virtual board against its emulation, five pings each, with all that can go wrong."""

import ast

import pytest

from boards import devkit_rfm95 as pins
from lyhord_rig import Ports
from lyhord_rig.sensors import hcsr04, serial_ranger
from lyhord_rig.sensors.a02yyuw import A02yyuw
from lyhord_rig.sensors.jsnsr04t import JsnSr04t, Mode
from lyhord_rig.sensors.mb7389 import Mb7389

PINGS = 5
OPENED = {
    "hcsr04": "from drivers.hcsr04 import HcSr04\nranger = HcSr04(trigger, echo)",
    "jsn pulse": "from drivers.jsn_sr04t import JsnSr04tPulse\nranger = JsnSr04tPulse(trigger, echo)",
    "a02yyuw": "from drivers.a02yyuw import A02yyuw\ntrigger(0)\nranger = A02yyuw(UART(2, 9600, rx=33))",
    "mb7389": "from drivers.mb7389 import Mb7389\nranger = Mb7389(UART(2, 9600, rx=33), trigger)",
    "mb7389 free": "from drivers.mb7389 import Mb7389\ntrigger(1)\nranger = Mb7389(UART(2, 9600, rx=33))",
    "jsn auto": "from drivers.jsn_sr04t import JsnSr04t\n"
    "ranger = JsnSr04t(UART(2, 9600, rx=33), request=None, compensates=True)",
    "jsn asked": "from drivers.jsn_sr04t import JsnSr04t\n"
    "ranger = JsnSr04t(UART(2, 9600, rx=33, tx=32), compensates=True)",
    "aj asked": "from drivers.jsn_sr04t import JsnSr04t\n"
    "ranger = JsnSr04t(UART(2, 9600, rx=33, tx=32), header_in_sum=False, compensates=True)",
}
SERIAL = [name for name in OPENED if name not in ("hcsr04", "jsn pulse")]
MAIN = """
from time import sleep_ms, ticks_diff, ticks_ms
from machine import Pin, UART
from boards import devkit_rfm95 as board
from drivers.ranging import pings

trigger = Pin(board.ULTRASONIC_TRIGGER, Pin.OUT)
echo = Pin(board.ULTRASONIC_ECHO, Pin.IN)
{opened}
Pin(board.SENSOR_POWER, Pin.OUT, value=1)
sleep_ms(ranger.settle_ms)
began = ticks_ms()
print("pings", pings(ranger, {pings}, 200))
print("took", ticks_diff(ticks_ms(), began))
print("done")
"""


def make(world, name, distance_mm, strays=0.0):
    """(emulated sensor, ports), the sensor without power until the board switches it on."""
    ports = Ports()
    if name in ("hcsr04", "jsn pulse"):
        sensor = hcsr04.HcSr04(world, distance_mm, lambda: 200, strays=strays)
        ports.output(pins.ULTRASONIC_TRIGGER, sensor.trigger)
        ports.pulse(pins.ULTRASONIC_ECHO, sensor.pulse)
        ports.input(pins.ULTRASONIC_ECHO, sensor.level)
    else:
        if name == "a02yyuw":
            sensor = A02yyuw(world, distance_mm, strays=strays)
            ports.output(pins.ULTRASONIC_TRIGGER, sensor.select)
        elif name.startswith("mb7389"):
            sensor = Mb7389(world, distance_mm, strays=strays, ff_share=0.2)
            ports.output(pins.ULTRASONIC_TRIGGER, sensor.trigger)
        else:
            mode = Mode.AUTOMATIC if name == "jsn auto" else Mode.ON_REQUEST
            sensor = JsnSr04t(world, distance_mm, mode, header_in_sum=name != "aj asked", strays=strays)
        tx = pins.ULTRASONIC_TRIGGER if "asked" in name else None
        ports.uart(pins.ULTRASONIC_UART, sensor, rx=pins.ULTRASONIC_ECHO, tx=tx)
    sensor.power(False)
    ports.output(pins.SENSOR_POWER, sensor.power, floating=0)
    return sensor, ports


async def listen(run, name, ports, count=PINGS):
    """The results of the pings, and the milliseconds they took."""
    lines = await run(ports, MAIN.format(opened=OPENED[name], pings=count))
    shown = dict(line.split(" ", 1) for line in lines if " " in line)
    return ast.literal_eval(shown["pings"]), int(shown["took"])


@pytest.mark.parametrize("name", OPENED)
@pytest.mark.parametrize("true_mm", [320, 3900])
async def test_distances(world, run, name, true_mm):
    sensor, ports = make(world, name, lambda: true_mm)
    results, took_ms = await listen(run, name, ports)
    assert len(results) == PINGS and all(abs(mm - true_mm) <= 4 for mm in results), results
    assert took_ms <= 1300
    if isinstance(sensor, hcsr04.HcSr04):
        assert (sensor.too_soon, sensor.too_short) == (0, 0)
    elif isinstance(sensor, JsnSr04t):
        assert sensor.ignored == 0
    elif isinstance(sensor, Mb7389):
        assert sensor.too_short == 0


@pytest.mark.parametrize("name", OPENED)
@pytest.mark.parametrize("true_mm", [None, 10])
async def test_nothing_that_can_be_measured_is_no_number(world, run, name, true_mm):
    _, ports = make(world, name, lambda: true_mm)
    results, took_ms = await listen(run, name, ports)
    near = true_mm == 10 and name not in ("hcsr04", "jsn pulse")  # these hear nothing below their blind zone
    assert results == ["too near" if near else "no target"] * PINGS
    assert took_ms <= 1300


@pytest.mark.parametrize("name", SERIAL)
@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (serial_ranger.Fault.SILENT, ["silent"] * 2),
        (serial_ranger.Fault.CORRUPT, ["garbled"] * PINGS),
        (serial_ranger.Fault.NOISE, ["garbled"] * PINGS),
    ],
)
async def test_faults_of_serial_rangers(world, run, name, fault, shown):
    sensor, ports = make(world, name, lambda: 1000)
    sensor.fault = fault
    results, took_ms = await listen(run, name, ports)
    assert results == shown
    assert took_ms <= 4000


@pytest.mark.parametrize("name", ["hcsr04", "jsn pulse"])
@pytest.mark.parametrize(
    ("fault", "shown"), [(hcsr04.Fault.SILENT, ["silent"] * 2), (hcsr04.Fault.STUCK, ["stuck"] * PINGS)]
)
async def test_faults_of_pulse_rangers(world, run, name, fault, shown):
    sensor, ports = make(world, name, lambda: 1000)
    sensor.fault = fault
    results, took_ms = await listen(run, name, ports)
    assert results == shown and took_ms <= 600


@pytest.mark.parametrize("name", OPENED)
async def test_a_sensor_that_is_not_there(run, name):
    results, took_ms = await listen(run, name, Ports())
    assert results == ["silent"] * 2 and took_ms <= 1500


@pytest.mark.parametrize(("name", "opened"), [("jsn asked", "aj asked"), ("aj asked", "jsn asked")])
async def test_the_wrong_checksum_variant_is_garbled(world, run, name, opened):
    _, ports = make(world, name, lambda: 1000)
    results, _ = await listen(run, opened, ports)
    assert results == ["garbled"] * PINGS


async def test_a_wrong_sensor_on_the_wire_is_garbled(world, run):
    _, ports = make(world, "jsn auto", lambda: 1000)
    assert set((await listen(run, "mb7389 free", ports))[0]) == {"garbled"}


@pytest.mark.parametrize("name", ["a02yyuw", "mb7389"])
async def test_pings_are_of_now_and_of_their_own(world, run, name):
    """A surface that is another one for each ping: no sensor's own average hides that."""
    asked = []
    _, ports = make(world, name, lambda: asked.append(0) or 500 + 300 * (len(asked) % 2))
    results, _ = await listen(run, name, ports, count=8)
    assert {round(mm, -2) for mm in results} == {500, 800}


async def test_noise_never_makes_a_number(world, run):
    sensor, ports = make(world, "a02yyuw", lambda: 1000)
    sensor.fault = serial_ranger.Fault.NOISE
    results, _ = await listen(run, "a02yyuw", ports, count=40)
    numbers = [mm for mm in results if isinstance(mm, int)]
    assert len(numbers) <= 1  # a sum of eight bits lets one of 256 pass, where the rest fits as well
