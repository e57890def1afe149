"""One rule over all drivers: what was not measured is null with a reason, never a number.

Each row is a driver on its emulated part, with one way in which no measurement comes about though the answers
look well. Before it the same part is read as it is.
"""

import sys
from pathlib import Path
from types import ModuleType

import pytest

import drivers.hcsr04
import drivers.mb7389
import drivers.ranging
import drivers.scd41
import drivers.sensirion
import drivers.sensor
import drivers.serial_ranger
import drivers.sht31
import drivers.tilt_switch
from drivers import a02yyuw, battery, ds18b20, jsn_sr04t, mb7389, pir, ranging, scd41, sht31, tilt_switch
from drivers.reading import NO_VALUE, NOT_MEASURED, RANGE, objection
from lyhord_rig.sensors import a02yyuw as a02yyuw_part
from lyhord_rig.sensors import ds18b20 as ds18b20_part
from lyhord_rig.sensors import hcsr04 as hcsr04_part
from lyhord_rig.sensors import jsnsr04t as jsn_part
from lyhord_rig.sensors import mb7389 as mb7389_part
from lyhord_rig.sensors import scd41 as scd41_part
from lyhord_rig.sensors import sensirion as sensirion_part
from lyhord_rig.sensors import serial_ranger as serial_part
from lyhord_rig.sensors import sht31 as sht31_part
from tests.drivers.emulated import I2c, OneWire, Uart, WorldTime, new_world

TIMED = (
    drivers.hcsr04,
    drivers.mb7389,
    drivers.ranging,
    drivers.scd41,
    drivers.sensirion,
    drivers.sensor,
    drivers.serial_ranger,
    drivers.sht31,
    drivers.tilt_switch,
    ds18b20,
)
# How a wrong word looks whose checksum is right.
ZEROS, ONES = 0x0000, 0xFFFF


class Level:
    """An input or output pin; `read` is asked for its level."""

    IRQ_RISING = 1

    def __init__(self, read=lambda: 0, write=lambda level: None):
        self._read = read
        self._write = write

    def value(self, level=None):
        return self._read() if level is None else self._write(level)

    def irq(self, handler=None, trigger=0):
        pass


class Bench:
    """A world and its time; subclasses make `part`, and `read()` gives a number or None."""

    def __init__(self):
        self.world = new_world()
        self.time = WorldTime(self.world).install(*TIMED)
        self.distance_mm, self.temperature_dc, self.humidity_dp, self.co2_ppm = 1000, 215, 480, 700
        self.make()

    def fault(self, fault):
        self.part.fault = fault


class Ds18b20(Bench):
    def make(self):
        self.part = ds18b20_part.Ds18b20(
            self.world, ds18b20_part.rom_code(1), lambda: self.temperature_dc, ds18b20_part.Family.B1
        )
        self.sensor = ds18b20.Ds18b20(OneWire(self.world, ds18b20_part.OneWireBus([self.part])))

    def read(self):
        return self.sensor.read_dc() if self.sensor.start() else None

    def lose(self):
        self.part.lose = {0x44: 1}


class Sht31(Bench):
    def make(self):
        self.part = sht31_part.Sht31(self.world, lambda: self.temperature_dc, lambda: self.humidity_dp)
        self.world.advance(2_000)
        self.i2c = I2c(self.world, x44=self.part)
        self.sensor = sht31.Sht31(self.i2c)

    def read(self):
        self.world.advance(2_000)
        temperature, humidity = self.sensor.read()
        assert (temperature is None) == (humidity is None)
        return temperature

    def lose(self):
        """The command is acknowledged and forgotten; the word before is given again."""
        true_read = self.part.read
        self.part.read = lambda size: true_read(size) if size == 3 else sensirion_part.air(100, 500)
        true_write = self.part.write
        self.part.write = lambda data: data == b"\x24\x00" or true_write(data)

    def say(self, word):
        true_read = self.part.read

        def read(size):
            answer = true_read(size)
            return answer if size == 3 or answer is None else sensirion_part.word(word) * 2

        self.part.read = read


class Scd41(Bench):
    def make(self):
        self.part = scd41_part.Scd41(
            self.world, lambda: self.co2_ppm, lambda: self.temperature_dc, lambda: self.humidity_dp
        )
        self.sensor = scd41.Scd41(I2c(self.world, x62=self.part))

    def read(self):
        return self.sensor.read(self.time.sleep_ms)

    def lose(self):
        """The shot's command is acknowledged and forgotten."""
        true_write = self.part.write
        self.part.write = lambda data: data == b"\x21\x9d" or true_write(data)

    def say(self, word):
        self.part._shot = lambda: sensirion_part.word(word) * 3


class Ranger(Bench):
    def read(self):
        self.world.advance(1_000_000)
        self.said = ranging.ping(self.sensor, 200)
        return self.said if ranging.is_mm(self.said) else None


class HcSr04(Ranger):
    driver, reach = drivers.hcsr04.HcSr04, {}

    def make(self):
        self.part = hcsr04_part.HcSr04(
            self.world, lambda: self.distance_mm, lambda: 200, strays=0, **self.reach
        )
        trigger, echo = Level(write=self.part.trigger), Level(read=self.part.level)
        machine = ModuleType("machine")
        machine.time_pulse_us = self._pulse
        sys.modules["machine"] = machine
        self.sensor = self.driver(trigger, echo)
        del sys.modules["machine"]

    def _pulse(self, _pin, level, timeout_us):
        us = self.part.pulse(level, timeout_us)
        self.world.advance(timeout_us if us < 0 else us)
        return us


class SlowClone(HcSr04):
    """Without an echo its line is high for 200 ms, over the next three pings."""

    reach = {"nothing_us": 200_000}

    def read(self):
        self.said = ranging.pings(self.sensor, 5, 200)
        numbers = [result for result in self.said if ranging.is_mm(result)]
        self.world.advance(300_000)
        return numbers[0] if numbers else None


class JsnPulse(HcSr04):
    driver, reach = jsn_sr04t.JsnSr04tPulse, {"nearest_mm": 200, "farthest_mm": 6000}


class A02yyuw(Ranger):
    code = 0

    def make(self):
        self.part = a02yyuw_part.A02yyuw(self.world, lambda: self.distance_mm, nothing=self.code)
        self.part.select(0)
        self.uart = Uart(self.part)
        self.sensor = a02yyuw.A02yyuw(self.uart)

    def say(self, word):
        self.part._nothing = word
        self.distance_mm = None


class JsnAsked(Ranger):
    def make(self):
        self.part = jsn_part.JsnSr04t(self.world, lambda: self.distance_mm, jsn_part.Mode.ON_REQUEST)
        self.uart = Uart(self.part)
        self.sensor = jsn_sr04t.JsnSr04t(self.uart, compensates=True)

    def lose(self):
        self.part.receive = lambda data: None


class Mb7389(Ranger):
    def make(self):
        self.part = mb7389_part.Mb7389(self.world, lambda: self.distance_mm)
        self.uart = Uart(self.part)
        self.sensor = mb7389.Mb7389(self.uart, Level(write=self.part.trigger))

    def lose(self):
        self.part.trigger = lambda level: None
        self.sensor._trigger = Level()


class Battery(Bench):
    def make(self):
        self.uvs = [1_850_000]
        self.count = 0
        self.sensor = battery.Battery(self)

    def read_uv(self):
        self.count += 1
        return self.uvs[self.count % len(self.uvs)]

    def read(self):
        return self.sensor.read_mv()


class Tilt(Bench):
    def make(self):
        self.levels = [1]
        self.count = 0
        self.sensor = tilt_switch.TiltSwitch(Level(self._level))

    def _level(self):
        self.count += 1
        return self.levels[self.count % len(self.levels)]

    def read(self):
        lies = self.sensor.read()
        return None if lies is None else int(lies)


class Motion(Bench):
    def make(self):
        self.powered_s = 61
        self.sensor = pir.Pir(Level(lambda: 1))

    def read(self):
        return self.sensor.occupancy(self.powered_s)


def stale(bench, delay_us=0):
    """The answer to an earlier ping is in the UART, or comes in just when the next begins; none follows."""
    frame = b"R0777\r" if isinstance(bench, Mb7389) else serial_part.binary_frame(777, True)
    bench.part.fault = serial_part.Fault.SILENT
    bench.world.advance(999_000)
    bench.uart.arrive(frame)
    if delay_us:
        start = bench.sensor.start

        def begin():
            start()
            bench.uart.arrive(frame)

        bench.sensor.start = begin


def attribute(name, value):
    return lambda bench: setattr(bench, name, value)


def fault(value):
    return lambda bench: bench.fault(value)


def lose(bench):
    bench.lose()


def say(word):
    return lambda bench: bench.say(word)


F1, F2, F3, F4 = ds18b20_part.Fault, sensirion_part.Fault, serial_part.Fault, hcsr04_part.Fault
ROWS = [
    (Ds18b20, 215, lose),
    *[(Ds18b20, 215, fault(kind)) for kind in F1],
    (Sht31, 215, lose),
    (Sht31, 215, say(ZEROS)),
    (Sht31, 215, say(ONES)),
    *[(Sht31, 215, fault(kind)) for kind in F2],
    (Scd41, 700, lose),
    (Scd41, 700, say(ZEROS)),
    (Scd41, 700, say(ONES)),
    (Scd41, 700, attribute("co2_ppm", 40_000)),
    *[(Scd41, 700, fault(kind)) for kind in F2],
    *[(HcSr04, 1000, fault(kind)) for kind in F4],
    (HcSr04, 1000, attribute("distance_mm", None)),
    (HcSr04, 1000, attribute("distance_mm", 4_100)),
    (SlowClone, 1000, attribute("distance_mm", None)),
    (SlowClone, 1000, attribute("distance_mm", 4_500)),
    *[(JsnPulse, 1000, fault(kind)) for kind in F4],
    (JsnPulse, 1000, attribute("distance_mm", None)),
    (JsnPulse, 1000, attribute("distance_mm", 5_000)),
    *[(A02yyuw, 1000, fault(kind)) for kind in F3],
    *[(A02yyuw, 1000, say(word)) for word in (0, 5_500, 0x7FFF, 0xFFFC, 0xFFFD, 0xFFFE, 0xFFFF)],
    (A02yyuw, 1000, attribute("distance_mm", 20)),
    (A02yyuw, 1000, stale),
    (A02yyuw, 1000, lambda bench: stale(bench, 1)),
    (JsnAsked, 1000, lose),
    *[(JsnAsked, 1000, fault(kind)) for kind in F3],
    (JsnAsked, 1000, attribute("distance_mm", None)),
    (JsnAsked, 1000, attribute("distance_mm", 100)),
    (JsnAsked, 1000, stale),
    (JsnAsked, 1000, lambda bench: stale(bench, 1)),
    (Mb7389, 1000, lose),
    *[(Mb7389, 1000, fault(kind)) for kind in F3],
    (Mb7389, 1000, attribute("distance_mm", None)),
    (Mb7389, 1000, attribute("distance_mm", 200)),
    (Mb7389, 1000, stale),
    (Mb7389, 1000, lambda bench: stale(bench, 1)),
    *[(Battery, 3700, attribute("uvs", [uv])) for uv in (0, 142_000, 3_100_000)],
    (Battery, 3700, attribute("uvs", [200_000, 2_900_000])),
    (Tilt, 0, attribute("levels", [0, 1])),
    (Tilt, 0, attribute("levels", [1, 1, 1, 1, 0])),
    (Motion, 1, attribute("powered_s", 59)),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].__name__)
def test_what_was_not_measured_is_null(row):
    kind, truth, trouble = row
    bench = kind()
    for _ in range(2):
        assert abs(bench.read() - truth) <= 4
    trouble(bench)
    for _ in range(2 if trouble is not lose else 1):
        began_us = bench.world.now_us
        assert bench.read() is None
        assert bench.world.now_us - began_us <= 13_000_000
        reason = getattr(bench, "said", None) or getattr(bench.sensor, "fault", None)
        assert reason or kind in (Tilt, Motion)


def test_every_driver_of_a_sensor_has_its_rows():
    no_sensor = {"__init__", "radio", "lora_radio", "reading", "ranging", "range_frames", "serial_ranger"}
    no_sensor |= {
        "sensirion",
        "sensor",
        "pulse_input",
    }  # a count of pulses is a sum of events and no measurement
    files = {path.stem for path in Path(ranging.__file__).parent.glob("*.py")}
    drivers_of_sensors = {name for name in files - no_sensor if not name.startswith("sx12")}
    tested = {row[0]().sensor.__class__.__module__.removeprefix("drivers.") for row in ROWS}
    assert tested == drivers_of_sensors


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((215, -550, 1250), None),
        ((-550, -550, 1250), None),
        ((1251, -550, 1250), RANGE),
        ((-551, -550, 1250), RANGE),
        ((None, -550, 1250), NO_VALUE),
        ((215, -550, 1250, False), NOT_MEASURED),
        ((2000, -550, 1250, False), NOT_MEASURED),
        ((850, -550, 1250, True, 0x550), None),
        ((1279, -550, 1250, True, 0x7FF, (0x7FF,)), NO_VALUE),
    ],
)
def test_the_rule(arguments, expected):
    assert objection(*arguments) == expected
