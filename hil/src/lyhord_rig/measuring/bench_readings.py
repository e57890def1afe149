"""The readings of a bin node: the rig's own bin, weather and battery, seen through the sensors' noise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from ..sensors.battery import Battery
from ..sensors.hcsr04 import NOISE_MM
from ..world.bin import Bin
from ..world.clock import World
from ..world.weather import Weather

_PINGS = 5
_STRAYS = 0.02  # share of pings that miss, as the emulated ranger's: each costs a fifth of the quality
_BATTERY_STEP_MV = 20  # the node rounds to it: finer is the converter's noise
_SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Reading:
    """time: Unix seconds; fill in %, distance in mm, temperature in 0.1 °C, battery in mV, quality in %."""

    number: int
    time: int
    fill: int
    distance: int
    temperature: int
    battery: int
    quality: int


def readings(seed: int, count: int, period_s: int, first: int) -> Sequence[Reading]:
    """`count` consecutive samples of one bin, every `period_s` seconds; `first`: number of the first."""
    world = World(seed, pace=None)
    place, weather, battery = Bin(world, "bench"), Weather(world), Battery(world)
    noise = world.rng("bench/noise")
    made = []
    for number in range(first, first + count):
        agreed = sum(noise.random() >= _STRAYS for _ in range(_PINGS))
        pings = [place.distance_mm() + noise.randint(-NOISE_MM, NOISE_MM) for _ in range(_PINGS)]
        distance = int(median(pings))
        fill = round(100 * (place.empty_mm - distance) / (place.empty_mm - place.full_mm))
        millivolts = battery.microvolts(1) // 1000
        made.append(
            Reading(
                number,
                world.unix_us() // _SECOND_US,
                min(100, max(0, fill)),
                distance,
                weather.temperature_dc(),
                millivolts - millivolts % _BATTERY_STEP_MV,
                100 * agreed // _PINGS,
            )
        )
        world.now_us += period_s * _SECOND_US
    return made
