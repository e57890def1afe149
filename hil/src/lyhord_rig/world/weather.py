"""The weather over the street: a daily curve of temperature with slow, seeded disturbances."""

from __future__ import annotations

import math

from .clock import World

_HOUR_US = 3_600_000_000
_DAY_H = 24
_WARMEST_H = 15


class Weather:
    """A pure function of the world's time and seed. speed: its own hours per hour of the world.

    mean_dc and swing_dc (half the difference of day and night) in 0.1 °C; None draws them: 4…18 and 3…7 °C.
    starts_at_h: time of day at the world's 0.
    """

    def __init__(
        self,
        world: World,
        mean_dc: int | None = None,
        swing_dc: int | None = None,
        speed: float = 1.0,
        starts_at_h: float = 7.0,
        name: str = "weather",
    ) -> None:
        rng = world.rng(name)
        drawn_mean_dc, drawn_swing_dc = rng.randint(40, 180), rng.randint(30, 70)
        self.mean_dc = drawn_mean_dc if mean_dc is None else mean_dc
        self.swing_dc = drawn_swing_dc if swing_dc is None else swing_dc
        # Fronts and clouds: waves of 1…60 h whose periods have no common multiple to speak of.
        self._waves = [
            (amplitude_dc, rng.uniform(low_h, high_h), rng.uniform(0, 2 * math.pi))
            for amplitude_dc, low_h, high_h in ((15, 30, 60), (8, 9, 15), (5, 3, 6), (2, 0.8, 1.6))
        ]
        self._world = world
        self._speed = speed
        self._starts_at_h = starts_at_h

    def temperature_dc(self) -> int:
        """Air temperature now, in 0.1 °C."""
        hours = self._starts_at_h + self._world.now_us * self._speed / _HOUR_US
        total_dc = self.mean_dc + self.swing_dc * math.cos(2 * math.pi * (hours - _WARMEST_H) / _DAY_H)
        for amplitude_dc, period_h, phase in self._waves:
            total_dc += amplitude_dc * math.sin(2 * math.pi * hours / period_h + phase)
        return round(total_dc)
