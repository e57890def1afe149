"""Bins, weather and batteries: plausible, and the same for the same seed however one looks at them."""

import itertools
import statistics

import pytest

from lyhord_rig import World
from lyhord_rig.sensors.battery import Battery
from lyhord_rig.world.bin import Bin
from lyhord_rig.world.weather import Weather

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US


async def watch(world, look, step_us, steps):
    seen = []
    for _ in range(steps):
        seen.append(look())
        await world.run(until=world.now_us + step_us)
    return seen


async def street(seed, days=2):
    """The sensors' values of three bins, every quarter of an hour."""
    world = World(seed=seed, pace=None)
    bins = [Bin(world, f"bin-{n}") for n in range(3)]
    weather, battery = Weather(world), Battery(world)

    def look():
        return (*(each.distance_mm() for each in bins), weather.temperature_dc(), battery.microvolts())

    return await watch(world, look, HOUR_US // 4, days * 96)


async def test_the_same_seed_is_the_same_street_and_another_is_another():
    first, again, other = await street(1), await street(1), await street(2)
    assert first == again
    for a, b in zip(zip(*first, strict=True), zip(*other, strict=True), strict=True):
        assert a != b


async def test_a_bin_does_not_depend_on_how_often_one_looks():
    often, seldom = World(seed=4, pace=None), World(seed=4, pace=None)
    a, b = Bin(often, "bin"), Bin(seldom, "bin")
    await watch(often, a.distance_mm, HOUR_US // 7, 700)
    await seldom.run(until=often.now_us)
    assert a.distance_mm() == b.distance_mm()
    assert (a.deposits, a.emptied) == (b.deposits, b.emptied)
    assert a.deposits > 50


async def test_bins_fill_are_emptied_and_stay_in_range():
    world = World(seed=5, pace=None)
    bins = [Bin(world, f"bin-{n}", empty_mm=900, full_mm=150) for n in range(8)]
    rows = await watch(world, lambda: [each.distance_mm() for each in bins], HOUR_US, 24 * 14)
    for each, distances in zip(bins, zip(*rows, strict=True), strict=True):
        assert 150 <= min(distances) < max(distances) <= 900
        rises = [b - a for a, b in itertools.pairwise(distances) if b > a]
        assert 3 <= len(rises) <= 14
        assert each.emptied >= len(rises)
        assert 0 <= each.fill_percent() <= 100
    # With 48 h to fill on average and a daily round, some overflow, most do not.
    assert sum(each.overflowed for each in bins) < sum(each.deposits for each in bins) / 4


async def test_people_throw_more_away_by_day_than_by_night():
    world = World(seed=6, pace=None)
    bins = [Bin(world, f"bin-{n}", starts_at_h=0) for n in range(10)]
    counts = await watch(
        world, lambda: sum(each.deposits + 0 * each.distance_mm() for each in bins), HOUR_US, 24 * 7
    )
    per_hour = [b - a for a, b in itertools.pairwise(counts)]
    night = sum(count for at, count in enumerate(per_hour) if at % 24 < 5)
    day = sum(count for at, count in enumerate(per_hour) if 11 <= at % 24 < 16)
    assert day > 8 * night > 0


async def test_speed_makes_a_demonstration_of_two_days_in_a_minute():
    slow_world, fast_world = World(seed=7, pace=None), World(seed=7, pace=None)
    slow, fast = Bin(slow_world, "bin"), Bin(fast_world, "bin", speed=2880)
    await slow_world.run(until=2 * DAY_US)
    await fast_world.run(until=60_000_000)
    assert slow.distance_mm() == fast.distance_mm()
    assert slow.deposits == fast.deposits > 20


async def test_a_bin_can_be_filled_and_emptied_by_hand():
    world = World(seed=8, pace=None)
    each = Bin(world, "bin", empty_mm=1000, full_mm=200)
    each.empty()
    before = each.distance_mm()
    assert 984 <= before <= 1000
    each.deposit(100)
    assert each.distance_mm() == before - 100
    each.deposit(5000)
    assert (each.distance_mm(), each.fill_percent(), each.overflowed) == (200, 100, 0)
    each.deposit(1)
    assert each.overflowed == 1


def test_a_bin_has_a_depth():
    with pytest.raises(ValueError, match="full_mm"):
        Bin(World(seed=1), "bin", empty_mm=200, full_mm=200)


async def test_the_weather_has_days_and_nights_and_changes_slowly():
    world = World(seed=9, pace=None)
    weather = Weather(world, mean_dc=120, swing_dc=60, starts_at_h=0)
    seen = await watch(world, weather.temperature_dc, HOUR_US // 6, 6 * 24 * 20)
    by_hour = [statistics.mean(seen[at::144]) for at in range(144)]
    assert 13 * 6 <= by_hour.index(max(by_hour)) <= 17 * 6
    assert 1 * 6 <= by_hour.index(min(by_hour)) <= 5 * 6
    assert 90 < max(by_hour) - min(by_hour) < 150
    assert statistics.mean(seen) == pytest.approx(120, abs=8)
    assert max(abs(b - a) for a, b in itertools.pairwise(seen)) <= 10  # 1 K in ten minutes
    assert max(abs(temperature_dc - 120) for temperature_dc in seen) <= 95


async def test_a_battery_sags_slowly_to_empty():
    world = World(seed=10, pace=None)
    battery = Battery(world, charge=1.0, life_days=10)
    seen = await watch(world, battery.millivolts, DAY_US // 2, 30)
    assert seen[0] == 4180
    assert seen == sorted(seen, reverse=True)
    assert seen[-1] == 3000
    assert 8 <= sum(mv > 3000 for mv in seen) / 2 <= 13  # its life is seeded within 20 %


def test_the_adc_sees_the_divided_voltage_with_noise():
    battery = Battery(World(seed=11), charge=0.5)
    readings = [battery.microvolts(2) for _ in range(500)]
    assert statistics.mean(readings) == pytest.approx(battery.millivolts() * 500, abs=300)
    assert max(readings) - min(readings) > 4_000
    assert max(abs(reading - battery.millivolts() * 500) for reading in readings) <= 3_001
    assert 3_600 < battery.millivolts() < 3_800
    assert 0.55 <= Battery(World(seed=12)).charge() <= 1.0
