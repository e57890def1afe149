"""The emulated HC-SR04: trigger, echo, noise, and what goes wrong."""

import statistics

import pytest

from lyhord_rig import World
from lyhord_rig.sensors.hcsr04 import NEVER_BEGAN, NOTHING_US, TIMED_OUT, Fault, HcSr04

TIMEOUT_US = 30_000
CYCLE_US = 60_000


class Bench:
    def __init__(self, seed=1, distance_mm=1000, temperature_dc=200, strays=0.0, name="hcsr04"):
        self.world = World(seed=seed, pace=None)
        self.distance_mm = distance_mm
        self.sensor = HcSr04(self.world, lambda: self.distance_mm, lambda: temperature_dc, name, strays)

    async def ping(self, trigger_us=10, level=1, timeout_us=TIMEOUT_US, then_us=CYCLE_US):
        """One ping as a driver makes it; the next may follow then_us after its trigger."""
        began_us = self.world.now_us
        self.sensor.trigger(1)
        await self.world.run(until=began_us + trigger_us)
        self.sensor.trigger(0)
        result = self.sensor.pulse(level, timeout_us)
        await self.world.run(until=began_us + max(then_us, trigger_us))
        return result

    async def pings(self, count, **options):
        return [await self.ping(**options) for _ in range(count)]


# c = 331.3 + 0.606 T m/s, facts of the sensor: 319.18, 331.30, 343.42 and 355.54 m/s
@pytest.mark.parametrize(("temperature_dc", "echo_us"), [(-200, 6266), (0, 6037), (200, 5824), (400, 5625)])
async def test_the_echo_of_a_metre_depends_on_the_temperature(temperature_dc, echo_us):
    echoes = await Bench(temperature_dc=temperature_dc).pings(200)
    assert statistics.mean(echoes) == pytest.approx(echo_us, abs=3)
    assert min(echoes) >= echo_us - 20
    assert max(echoes) <= echo_us + 20
    assert len(set(echoes)) == 7  # ±3 mm


@pytest.mark.parametrize(("trigger_us", "heard"), [(9, False), (10, True), (500, True)])
async def test_the_trigger_pulse_must_last_ten_microseconds(trigger_us, heard):
    bench = Bench()
    result = await bench.ping(trigger_us)
    assert (result != NEVER_BEGAN) == heard
    assert (bench.sensor.pings, bench.sensor.too_short) == ((1, 0) if heard else (0, 1))


async def test_nothing_in_reach_holds_the_line_for_38_milliseconds():
    for distance_mm in (None, 4001, 19):
        bench = Bench(distance_mm=distance_mm)
        assert await bench.ping(timeout_us=50_000) == NOTHING_US
        assert await bench.ping(timeout_us=30_000) == TIMED_OUT
    for distance_mm in (20, 4000):
        assert await Bench(distance_mm=distance_mm).ping() < TIMEOUT_US


async def test_the_line_is_high_for_as_long_as_the_pulse():
    bench = Bench()
    bench.sensor.trigger(1)
    await bench.world.run(until=10)
    bench.sensor.trigger(0)
    length_us = bench.sensor.pulse(1, TIMEOUT_US)
    assert bench.sensor.level() == 0
    assert bench.sensor.pulse(0, TIMEOUT_US) == 450  # low until the burst is out
    assert bench.sensor.pulse(1, 449) == NEVER_BEGAN
    await bench.world.run(until=460)
    assert bench.sensor.level() == 1
    assert bench.sensor.pulse(1, TIMEOUT_US) == length_us
    await bench.world.run(until=1_460)
    assert bench.sensor.pulse(1, TIMEOUT_US) == length_us - 1_000  # what is left, as on the real pin
    assert bench.sensor.pulse(1, length_us - 1_001) == TIMED_OUT
    assert bench.sensor.pulse(0, TIMEOUT_US) == TIMED_OUT  # it falls, and stays low
    await bench.world.run(until=460 + length_us)
    assert bench.sensor.level() == 0
    assert bench.sensor.pulse(1, TIMEOUT_US) == NEVER_BEGAN


async def test_a_trigger_during_an_echo_does_nothing():
    bench = Bench()
    await bench.ping(then_us=2_000)
    await bench.ping()
    assert bench.sensor.pings == 1


async def test_a_ping_too_soon_hears_a_ghost_of_the_one_before():
    bench = Bench(distance_mm=3000)
    (true_us,) = await bench.pings(1, then_us=59_999)
    bench.distance_mm = 200
    (ghost_us,) = await bench.pings(1, then_us=60_000)
    (right_us,) = await bench.pings(1)
    assert 0.2 * true_us <= ghost_us <= 0.8 * true_us
    assert ghost_us > 3_000  # nothing like the 200 mm that are there
    assert right_us == pytest.approx(1165, abs=20)
    assert bench.sensor.too_soon == 1


async def test_strays_are_as_frequent_as_asked():
    bench = Bench(seed=3, strays=0.1)
    echoes = await bench.pings(1000, timeout_us=50_000)
    near = sum(echo < 5_500 for echo in echoes)
    none = sum(echo == NOTHING_US for echo in echoes)
    assert 25 <= near <= 75
    assert 25 <= none <= 75
    assert near + none + sum(abs(echo - 5824) <= 20 for echo in echoes) == 1000


async def test_the_same_seed_gives_the_same_echoes():
    first = await Bench(seed=1, strays=0.1).pings(50)
    assert first == await Bench(seed=1, strays=0.1).pings(50)
    assert first != await Bench(seed=2, strays=0.1).pings(50)
    assert first != await Bench(seed=1, strays=0.1, name="another").pings(50)


async def test_failures():
    bench = Bench()
    bench.sensor.fault = Fault.SILENT
    assert await bench.ping() == NEVER_BEGAN
    assert bench.sensor.level() == 0
    bench.sensor.fault = Fault.STUCK
    assert await bench.ping() == TIMED_OUT
    assert await bench.ping(level=0) == NEVER_BEGAN
    assert bench.sensor.level() == 1
    bench.sensor.fault = None
    assert await bench.ping() > 0


async def test_without_supply_it_is_silent():
    bench = Bench()
    bench.sensor.power(False)
    assert await bench.ping() == NEVER_BEGAN
    bench.sensor.power(True)
    assert await bench.ping() > 0
    bench.sensor.trigger(1)
    await bench.world.run(until=bench.world.now_us + 10)
    bench.sensor.trigger(0)
    await bench.world.run(until=bench.world.now_us + 1_000)
    assert bench.sensor.level() == 1
    bench.sensor.power(False)
    bench.sensor.power(True)
    assert bench.sensor.level() == 0
