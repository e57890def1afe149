"""A litter bin: people fill it, more by day than by night, and somebody empties it."""

from __future__ import annotations

from .clock import World

_HOUR_US = 3_600_000_000
_DAY_US = 24 * _HOUR_US

# Deposits by the hour of the day, as a share of the busiest hour.
_BUSY = (
    *(0.10, 0.06, 0.04, 0.03, 0.04, 0.08, 0.20, 0.45),
    *(0.55, 0.45, 0.50, 0.80, 1.00, 0.90, 0.70, 0.75),
    *(0.90, 0.95, 0.85, 0.70, 0.60, 0.45, 0.30, 0.20),
)


class Bin:
    """Distances from the sensor: empty_mm to the bottom, full_mm to the surface of a full bin.

    Everything follows from the world's seed and `name`, whenever and however often it is looked at. speed:
    the bin's own hours per hour of the world, so that a short demonstration sees it fill; hours_to_full: how
    long the average bin takes; starts_at_h: its time of day at the world's 0.
    """

    def __init__(
        self,
        world: World,
        name: str,
        empty_mm: int = 1200,
        full_mm: int = 200,
        speed: float = 1.0,
        hours_to_full: float = 48.0,
        starts_at_h: float = 7.0,
    ) -> None:
        if not 0 < full_mm < empty_mm:
            raise ValueError("0 < full_mm < empty_mm")
        self.name = name
        self.empty_mm = empty_mm
        self.full_mm = full_mm
        self.deposits = 0
        self.overflowed = 0  # deposits that found it full
        self.emptied = 0
        self._world = world
        self._speed = speed
        self._rng = world.rng(f"bin {name}")
        self._capacity_mm = empty_mm - full_mm
        self._level_mm = self._rng.randint(0, self._capacity_mm * 7 // 10)
        self._now_us = int(starts_at_h * _HOUR_US)
        self._started_us = self._now_us
        popularity = self._rng.uniform(0.6, 1.6)
        self._mean_mm = self._capacity_mm / 60
        mean_busy = sum(_BUSY) / len(_BUSY)
        peak_per_hour = popularity * 60 / hours_to_full / mean_busy
        self._gap_us = _HOUR_US / peak_per_hour  # mean time between deposits in the busiest hour
        self._round_us = int(self._rng.uniform(5.0, 8.0) * _HOUR_US)  # time of day of the collection
        self._deposit_us = self._now_us + self._wait_us()
        self._collect_us = self._now_us - self._now_us % _DAY_US + self._round_us
        if self._collect_us <= self._now_us:
            self._collect_us += _DAY_US

    def distance_mm(self) -> int:
        """From the sensor to the surface of what is in it, now."""
        self._advance()
        return self.empty_mm - self._level_mm

    def fill_percent(self) -> int:
        self._advance()
        return self._level_mm * 100 // self._capacity_mm

    def deposit(self, height_mm: int) -> None:
        """Somebody throws in so much, now."""
        self._advance()
        self._fill(height_mm)

    def empty(self) -> None:
        """It is emptied now, but for what sticks to the bottom."""
        self._advance()
        self._clear()

    def _advance(self) -> None:
        now_us = self._started_us + int(self._world.now_us * self._speed)
        while True:
            next_us = min(self._deposit_us, self._collect_us)
            if next_us > now_us:
                break
            self._now_us = next_us
            if next_us == self._deposit_us:
                self._deposit()
            else:
                self._collect()
        self._now_us = now_us

    def _deposit(self) -> None:
        # Thinning: candidates come at the busiest hour's rate, and as many stay as this hour has.
        luck, height = self._rng.random(), self._rng.triangular(0.3, 2.0, 0.7)
        if luck < _BUSY[self._now_us % _DAY_US // _HOUR_US]:
            self._fill(max(1, round(height * self._mean_mm)))
        self._deposit_us = self._now_us + self._wait_us()

    def _collect(self) -> None:
        # The daily round takes what is worth it, and now and then one that is not.
        luck = self._rng.random()
        if self._level_mm * 2 >= self._capacity_mm or luck < 0.15:
            self._clear()
        self._collect_us += _DAY_US

    def _fill(self, height_mm: int) -> None:
        self.deposits += 1
        if self._level_mm >= self._capacity_mm:
            self.overflowed += 1
        self._level_mm = min(self._level_mm + height_mm, self._capacity_mm)

    def _clear(self) -> None:
        self.emptied += 1
        self._level_mm = self._rng.randint(0, self._capacity_mm // 50)

    def _wait_us(self) -> int:
        return 1 + int(self._rng.expovariate(1 / self._gap_us))
