"""The SHT31 on its bus: what it believes, and what it says about the rest."""

import drivers.sht31 as driver
from drivers import sensirion
from drivers.reading import RANGE
from drivers.sensirion import ABSENT, BUS, BUSY, CRC
from drivers.sht31 import HEATER, Sht31
from tests.fakes.sht31_bus import Sht31Bus
from tests.fakes.ticks import PERIOD, Ticks


def make(now_us=0, **words):
    ticks = Ticks(now_us)
    driver.time = sensirion.time = ticks
    bus = Sht31Bus(ticks, **words)
    return ticks, bus, Sht31(bus)


def test_temperature_and_humidity():
    ticks, bus, sensor = make(temperature=0x6666, humidity=0x8000)
    assert sensor.read() == (250, 500) and sensor.fault is None
    assert bus.written == [b"\x24\x00"] and ticks.now_us < 20_000
    bus.temperature, bus.humidity = 0x3000, 0xFFFF
    assert sensor.read() == (-122, 1000)


def test_busy_is_waiting_and_no_error():
    ticks, bus, sensor = make()
    assert sensor.start()
    for _ in range(2):
        ticks.sleep_ms(5)
        assert sensor.poll() is None
    ticks.sleep_ms(5)
    assert sensor.poll() == (250, 500)


def test_a_measurement_that_does_not_end():
    for now_us in (0, PERIOD * 1000 - 15_000):
        ticks, bus, sensor = make(now_us)
        bus.endless = True
        assert sensor.read() == (None, None) and sensor.fault == BUSY
        assert ticks.now_us - now_us < 60_000
        bus.endless = False
        assert sensor.reset() and sensor.read() == (250, 500)


def test_a_soft_reset_ends_what_does_not_end():
    ticks, bus, sensor = make()
    bus.heater = True
    assert not sensor.is_honest() and sensor.fault == HEATER
    assert sensor.reset()
    assert sensor.is_honest() and sensor.fault is None
    assert bus.written == [b"\xf3\x2d", b"\x30\xa2", b"\xf3\x2d"]


def test_every_changed_bit_is_seen():
    ticks, bus, sensor = make()
    for index in range(6):
        for bit in range(8):
            bus.flipped = {index: 1 << bit}
            assert sensor.read() == (None, None) and sensor.fault == CRC, (index, bit)
    bus.flipped = {2: 0x10}
    assert not sensor.is_honest() and sensor.fault == CRC


def test_absent_and_hanging_buses_are_values():
    for name, fault in (("present", ABSENT), ("stuck", BUS)):
        ticks, bus, sensor = make()
        setattr(bus, name, name == "stuck")
        assert sensor.read() == (None, None) and sensor.fault == fault
        assert not sensor.start() and sensor.fault == fault
        assert not sensor.is_honest() and sensor.fault == fault
        assert not sensor.reset() and sensor.fault == fault
    assert Sht31(make()[1], 0x45).read() == (None, None)


def test_gone_in_the_middle_of_a_measurement():
    for name, fault in (("present", BUSY), ("stuck", BUS)):
        ticks, bus, sensor = make()
        assert sensor.start()
        setattr(bus, name, name == "stuck")
        ticks.sleep_ms(16)
        values = sensor.poll()
        while values is None:
            ticks.sleep_ms(1)
            values = sensor.poll()
        assert values == (None, None) and sensor.fault == fault


def test_what_it_cannot_measure_is_no_number():
    for raw in (0, 1853, 63_700, 65_535):
        ticks, bus, sensor = make(temperature=raw)
        assert sensor.read() == (None, None) and sensor.fault == RANGE, raw
    assert make(temperature=1873)[2].read()[0] == -400
    assert make(temperature=63_663)[2].read()[0] == 1250


def test_a_poll_without_a_start_is_our_bug():
    ticks, bus, sensor = make()
    sensor.read()
    try:
        sensor.poll()
    except RuntimeError:
        return
    raise AssertionError("polled without a start")
