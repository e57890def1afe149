"""One ping: the pulse on the trigger, and every way in which no echo comes back."""

import drivers.hcsr04 as driver
import drivers.ranging as ranging
from drivers.jsn_sr04t import JsnSr04tPulse
from drivers.ranging import NO_TARGET, SILENT, STUCK, TOO_NEAR
from tests.fakes.pin import Pin
from tests.fakes.ticks import Ticks


def ping(pulse_us, echo_level=0):
    """(result, trigger edges as (us, level), arguments of the pulse measurement)."""
    ticks = Ticks()
    driver.time = ticks
    edges, measured = [], []
    trigger = Pin(lambda level: edges.append((ticks.now_us, level)))
    echo = Pin()
    echo.level = echo_level
    sensor = driver.HcSr04(trigger, echo)
    edges.clear()

    def measure(pin, level, timeout_us):
        measured.append((pin is echo, level, timeout_us))
        return pulse_us

    sensor._time_pulse_us = measure
    return sensor.ping_us(), edges, measured


def test_an_echo_is_its_length():
    result, edges, measured = ping(5824)
    assert result == 5824
    assert [level for _, level in edges] == [1, 0]
    assert edges[1][0] - edges[0][0] >= 10
    assert measured == [(True, 1, 30_000)]


def test_no_echo_is_none():
    for pulse_us in (-2, -1, 0):
        assert ping(pulse_us)[0] is None


def test_a_line_that_is_still_high_is_no_echo():
    result, edges, measured = ping(300, echo_level=1)
    assert result is None and edges == [] and measured == []


def poll(sensor_class, pulse_us, temperature_dc=200, echo_level=0):
    driver.time = Ticks()
    echo = Pin()
    echo.level = echo_level
    sensor = sensor_class(Pin(), echo)
    sensor._time_pulse_us = lambda pin, level, timeout_us: pulse_us if pulse_us <= timeout_us else -1
    sensor.start()
    sensor.air_dc = temperature_dc
    return sensor.poll()


def test_a_ping_is_millimetres_or_a_reason():
    for sensor_class, pulse_us, expected in (
        (driver.HcSr04, 5824, 1000),
        (driver.HcSr04, 100, TOO_NEAR),
        (driver.HcSr04, 23_300, NO_TARGET),  # 4001 mm
        (driver.HcSr04, 38_000, NO_TARGET),
        (driver.HcSr04, -1, NO_TARGET),
        (driver.HcSr04, -2, SILENT),
        (driver.HcSr04, 0, SILENT),
        (JsnSr04tPulse, 5824, 1000),
        (JsnSr04tPulse, 1400, TOO_NEAR),
        (JsnSr04tPulse, 60_000, NO_TARGET),
    ):
        assert poll(sensor_class, pulse_us) == expected, pulse_us
    assert poll(driver.HcSr04, 5824, echo_level=1) == STUCK
    assert poll(driver.HcSr04, 5824, temperature_dc=-200) == 929


def test_the_waterproof_one_gets_a_longer_trigger():
    ticks = Ticks()
    driver.time = ticks
    edges = []
    sensor = JsnSr04tPulse(Pin(lambda level: edges.append((ticks.now_us, level))), Pin())
    sensor._time_pulse_us = lambda pin, level, timeout_us: -2
    edges.clear()
    sensor.poll()
    assert [level for _, level in edges] == [1, 0] and edges[1][0] - edges[0][0] >= 20


class Scripted:
    every_ms = 60

    poll_ms = 5

    def __init__(self, ticks, results):
        self.ticks = ticks
        self.results = list(results)
        self.started_ms = []
        self.waits = 0

    def start(self):
        self.started_ms.append(self.ticks.now_us // 1000)
        self.waits = 4

    def poll(self):
        self.waits -= 1
        return None if self.waits > 0 else self.results.pop(0)


def pings(results, count=5):
    ticks = Ticks()
    ranging.time = ticks
    ranger = Scripted(ticks, results)
    return ranging.pings(ranger, count, 200), ranger.started_ms


def test_pings_keep_the_rangers_pace():
    results, started_ms = pings([700, 701, NO_TARGET, 703, 704])
    assert results == [700, 701, NO_TARGET, 703, 704]
    gaps = [later - earlier for earlier, later in zip(started_ms, started_ms[1:])]  # noqa: B905, RUF007 - MicroPython has neither
    assert all(61 <= gap <= 63 for gap in gaps), gaps


def test_nobody_keeps_asking_a_sensor_that_is_not_there():
    assert pings([SILENT] * 5)[0] == [SILENT, SILENT]
    assert pings([SILENT, 700, SILENT, 701, SILENT])[0] == [SILENT, 700, SILENT, 701, SILENT]
