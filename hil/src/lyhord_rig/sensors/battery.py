"""A lithium cell that sags slowly, and the divider through which the ADC sees it."""

from __future__ import annotations

from ..world.clock import World

_DAY_US = 86_400_000_000

# Voltage of a Li-ion cell at a light load by the charge that is left, in steps of a tenth.
_CURVE_MV = (3000, 3450, 3600, 3660, 3700, 3740, 3790, 3870, 3950, 4050, 4180)


class Battery:
    """charge: share left at the world's 0 (None draws 0.55…1.0); life_days: from full to empty.

    speed: its own days per day of the world. Every reading has the ADC's noise of ±noise_mv, which depends on
    the world's seed, `name` and the number of the reading alone.
    """

    def __init__(
        self,
        world: World,
        charge: float | None = None,
        life_days: float = 700.0,
        speed: float = 1.0,
        noise_mv: int = 6,
        name: str = "battery",
    ) -> None:
        self._rng = world.rng(name)
        drawn, life = self._rng.uniform(0.55, 1.0), self._rng.uniform(0.8, 1.2) * life_days
        self._charge = drawn if charge is None else charge
        self._per_us = speed / (life * _DAY_US)
        self._noise_mv = noise_mv
        self._world = world

    def charge(self) -> float:
        """Share that is left, 0…1."""
        return max(self._charge - self._world.now_us * self._per_us, 0.0)

    def millivolts(self) -> int:
        """Voltage of the cell, without noise."""
        tenths = min(self.charge(), 1.0) * 10
        low = min(int(tenths), 9)
        return round(_CURVE_MV[low] + (tenths - low) * (_CURVE_MV[low + 1] - _CURVE_MV[low]))

    def microvolts(self, divider: float = 2) -> int:
        """At the ADC's pin, behind a divider of 1 : `divider`, with noise."""
        noise_uv = self._rng.randint(-self._noise_mv * 1000, self._noise_mv * 1000)
        return max(int((self.millivolts() * 1000 + noise_uv) / divider), 0)
