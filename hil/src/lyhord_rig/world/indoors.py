"""The inside of a building: heated, aired, and breathed in by people who come and go; by the world's seed."""

from __future__ import annotations

import math

from .clock import World
from .weather import Weather

_HOUR_US = 3_600_000_000
_WEEK_H = 168
_OPENS_H, _CLOSES_H = 7, 18
_WORKDAYS = 5
_OUTSIDE_PPM = 425
_PPM_PER_PERSON = 60  # that one person adds in an hour to a room of the usual size
_STAYS_PER_HOUR = 0.5  # of what people breathe out, with an ordinary ventilation
_REMEMBERED_H = 8
_DAY_DC, _NIGHT_DC = 212, 178
_PEOPLE_MAX = 9


class Indoors:
    """Times are the world's, from starts_at_h of a Monday. speed: its own hours per hour of the world."""

    def __init__(
        self, world: World, weather: Weather, name: str, speed: float = 1.0, starts_at_h: float = 7.0
    ) -> None:
        self._world = world
        self._weather = weather
        self._name = name
        self._speed = speed
        self._starts_at_h = starts_at_h
        self._busy = world.rng(f"indoors/{name}").uniform(0.3, 1.0)

    def hour(self) -> float:
        """Hours since the Monday's midnight, now."""
        return self._starts_at_h + self._world.now_us * self._speed / _HOUR_US

    def people(self, hour: int | None = None) -> int:
        """The number of people in this hour of its life (None: now)."""
        hour = int(self.hour()) if hour is None else hour
        if hour % _WEEK_H // 24 >= _WORKDAYS or not _OPENS_H <= hour % 24 < _CLOSES_H:
            return 0
        return round(self._busy * self._world.rng(f"people/{self._name}/{hour}").randint(0, _PEOPLE_MAX))

    def co2_ppm(self) -> int:
        now = self.hour()
        total = float(_OUTSIDE_PPM)
        for ago in range(_REMEMBERED_H):
            share = now - int(now) if ago == 0 else _STAYS_PER_HOUR ** (ago - 1 + now - int(now))
            total += self.people(int(now) - ago) * _PPM_PER_PERSON * share
        return round(total)

    def temperature_dc(self) -> int:
        hours = self.hour()
        # Heating follows the day with a delay; a tenth of the weather comes through the walls.
        day = 0.5 + 0.5 * math.cos(2 * math.pi * (hours - 14) / 24)
        through_walls = (self._weather.temperature_dc() - 100) // 10
        return round(_NIGHT_DC + (_DAY_DC - _NIGHT_DC) * day) + through_walls + self.people()

    def humidity_dp(self) -> int:
        swing = 60 * math.sin(2 * math.pi * self.hour() / 53)
        return min(950, max(150, round(400 + swing) + 12 * self.people()))
