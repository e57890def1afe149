"""A passive infrared motion detector at its output: high from a movement on, for as long as it holds it."""

from __future__ import annotations

from enum import Enum

from ..world.clock import Handle, World
from .contact import Wire

_HOLD_US = 2_300_000  # AM312; an HC-SR501 is set to 3…300 s


class Fault(Enum):
    DEAD = "dead"  # absent, or without supply: never high


class MotionDetector:
    """Push-pull, active high, triggered again by each movement. movements: how many there were, truly."""

    def __init__(self, world: World, line: Wire, hold_us: int = _HOLD_US) -> None:
        self.fault: Fault | None = None
        self.movements = 0
        self._world = world
        self._line = line
        self._hold_us = hold_us
        self._release: Handle | None = None
        line.set(0)

    def move(self) -> None:
        """Somebody moves now."""
        self.movements += 1
        if self.fault is Fault.DEAD:
            return
        if self._release is not None:
            self._release.cancel()
        self._line.set(1)
        self._release = self._world.call_later(self._hold_us, self._line.set, 0)
