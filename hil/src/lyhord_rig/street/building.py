"""A building node in its place: climate, a water meter, somebody's movements."""

from __future__ import annotations

from collections.abc import Mapping

from ..sensors.wiring import BUILDING, Surroundings
from ..world.indoors import Indoors
from .node import Label, Site, VirtualNode

_HOUR_S = 3_600.0
_MOVES_PER_PERSON = 2  # an hour, that the detector sees
_PULSES_PER_PERSON = 2  # an hour, of 10 l
_PULSES_MAX = 600


class BuildingNode(VirtualNode):
    """A node in a building. `sensors.meter.pulses`, `sensors.motion.movements`: what there was to count."""

    def __init__(self, site: Site, label: Label, fitted: Mapping[str, str] = BUILDING) -> None:
        world = site.world
        self.indoors = Indoors(world, site.weather, label.name, site.speed)
        around = Surroundings(
            temperature_dc=self.indoors.temperature_dc,
            humidity_dp=self.indoors.humidity_dp,
            co2_ppm=self.indoors.co2_ppm,
        )
        super().__init__(site, label, fitted, around)
        self._world = world
        self._rng = world.rng(f"building/{label.name}")
        self._hour_us = int(_HOUR_S * 1_000_000 / site.speed)
        self._lives = True
        self._hour()

    def settings(self) -> dict[str, object]:
        return {**super().settings(), "profile": "building"}

    def leave_for_good(self) -> None:
        """Nobody comes any more, no water runs: what was counted can be compared."""
        self._lives = False
        if self.sensors.meter is not None:
            self.sensors.meter.flow(0)

    def _hour(self) -> None:
        if not self._lives:
            return
        people = self.indoors.people()
        if self.sensors.meter is not None:
            per_hour = people * _PULSES_PER_PERSON * _HOUR_S * 1_000_000 / self._hour_us
            self.sensors.meter.flow(min(_PULSES_MAX, int(per_hour)))
        if self.sensors.motion is not None:
            for _ in range(people * _MOVES_PER_PERSON):
                self._world.call_later(self._rng.randrange(self._hour_us), self._move)
        self._world.call_later(self._hour_us, self._hour)

    def _move(self) -> None:
        if self._lives and self.sensors.motion is not None:
            self.sensors.motion.move()
