"""The SHT31's driver on the emulated part: what it believes, and what it says about the rest."""

import pytest

import drivers.sht31 as driver
from drivers import sensirion
from drivers.reading import NOT_MEASURED, RANGE
from drivers.sensirion import ABSENT, BUS, BUSY, CRC
from drivers.sht31 import HEATER, Sht31
from lyhord_rig.sensors import sht31 as part
from lyhord_rig.sensors.sensirion import Fault, air, word
from tests.drivers.emulated import PERIOD, I2c, WorldTime, new_world

STATUS = 3  # bytes of an answer; a measurement has six
HEATER_ON, HEATER_OFF = b"\x30\x6d", b"\x30\x66"


class Bench:
    def __init__(self, start_us=0):
        self.world = new_world()
        self.temperature_dc, self.humidity_dp = 250, 500
        self.time = WorldTime(self.world, start_us).install(driver, sensirion)
        self.part = part.Sht31(self.world, lambda: self.temperature_dc, lambda: self.humidity_dp)
        self.sensor = Sht31(I2c(self.world, x44=self.part))

    def read(self):
        self.world.advance(2_000)  # it takes no command within 1 ms of another
        return self.sensor.read()


@pytest.fixture
def bench():
    return Bench()


def test_temperature_and_humidity(bench):
    for temperature_dc, humidity_dp in ((250, 500), (-122, 1000), (-400, 0), (1250, 3)):
        bench.temperature_dc, bench.humidity_dp = temperature_dc, humidity_dp
        began_us = bench.world.now_us
        assert bench.read() == (temperature_dc, humidity_dp) and bench.sensor.fault is None
        assert bench.world.now_us - began_us < 22_000


def test_busy_is_waiting_and_no_error(bench):
    assert bench.sensor.start() and bench.sensor.fault is None
    for _ in range(2):
        bench.time.sleep_ms(5)
        assert bench.sensor.poll() is None
    bench.time.sleep_ms(5)
    assert bench.sensor.poll() == (250, 500)


@pytest.mark.parametrize("start_us", [0, PERIOD * 1000 - 15_000])
def test_a_measurement_that_does_not_end(start_us):
    bench = Bench(start_us)
    bench.part.fault = Fault.SILENT
    began_us = bench.world.now_us
    assert bench.read() == (None, None) and bench.sensor.fault == BUSY
    assert bench.world.now_us - began_us < 60_000
    bench.part.fault = None
    assert bench.read() == (250, 500)


def test_its_own_heater_makes_the_numbers_useless(bench):
    assert bench.sensor.is_honest()
    bench.world.advance(2_000)
    assert bench.part.write(HEATER_ON)
    bench.world.advance(2_000)
    assert not bench.sensor.is_honest() and bench.sensor.fault == HEATER
    assert bench.sensor.reset()
    assert bench.sensor.is_honest() and bench.sensor.fault is None


def test_every_changed_bit_is_seen(bench):
    true_read = bench.part.read
    for index in range(6):
        for bit in range(8):

            def read(size, index=index, bit=bit):
                answer = true_read(size)
                if answer is None:
                    return None
                return bytes(value ^ (1 << bit) * (at == index) for at, value in enumerate(answer))

            bench.part.read = read
            assert bench.read() == (None, None) and bench.sensor.fault == CRC, (index, bit)
    bench.part.fault = Fault.CORRUPT
    bench.world.advance(2_000)
    assert not bench.sensor.is_honest() and bench.sensor.fault == CRC


@pytest.mark.parametrize(("trouble", "fault"), [(Fault.ABSENT, ABSENT), (Fault.STUCK, BUS)])
def test_absent_and_hanging_buses_are_values(bench, trouble, fault):
    bench.part.fault = trouble
    assert bench.read() == (None, None) and bench.sensor.fault == fault
    assert not bench.sensor.start() and bench.sensor.fault == fault
    assert not bench.sensor.is_honest() and bench.sensor.fault == fault
    assert not bench.sensor.reset() and bench.sensor.fault == fault


def test_another_address_is_nobody(bench):
    assert Sht31(I2c(bench.world, x44=bench.part), 0x45).read() == (None, None)


@pytest.mark.parametrize(("trouble", "fault"), [(Fault.ABSENT, BUSY), (Fault.STUCK, BUS)])
def test_gone_in_the_middle_of_a_measurement(bench, trouble, fault):
    assert bench.sensor.start()
    bench.part.fault = trouble
    bench.time.sleep_ms(16)
    values = bench.sensor.poll()
    while values is None:
        bench.time.sleep_ms(1)
        values = bench.sensor.poll()
    assert values == bench.sensor.fault == fault


@pytest.mark.parametrize("raw", [0, 1853, 63_700, 65_535])
def test_what_it_cannot_measure_is_no_number(bench, raw):
    true_read = bench.part.read

    def read(size):
        answer = true_read(size)
        return answer if size == STATUS or answer is None else word(raw) + word(0x8000)

    bench.part.read = read
    assert bench.read() == (None, None) and bench.sensor.fault == RANGE


def test_a_word_that_can_be_read_while_it_measures_is_an_old_one(bench):
    assert bench.read() == (250, 500)
    true_read = bench.part.read
    bench.part.read = lambda size: true_read(size) if size == STATUS else air(250, 500)
    assert bench.read() == (None, None) and bench.sensor.fault == NOT_MEASURED


def test_power_lost_while_it_measures(bench):
    assert bench.sensor.start()
    bench.part.power(False)
    bench.part.power(True)
    bench.time.sleep_ms(16)
    values = bench.sensor.poll()
    while values is None:
        bench.time.sleep_ms(1)
        values = bench.sensor.poll()
    assert values == bench.sensor.fault == BUSY


def test_a_poll_without_a_start_is_our_bug(bench):
    bench.read()
    with pytest.raises(RuntimeError):
        bench.sensor.poll()
