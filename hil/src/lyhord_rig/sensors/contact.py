"""Contacts that open and close: a meter's pulse output (reed or open collector) and a tilt switch.

A contact connects the board's pin to ground against a pull-up, so closed is low, and it bounces.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

from ..world.clock import Handle, World

_BOUNCES_MAX = 4
_FLOW_JITTER = 0.2


class Fault(Enum):
    OPEN = "open"  # absent, or its wire is cut: never closes
    SHORTED = "shorted"  # always closed


class Wire(Protocol):
    """An output pin's wire; a `ports.Line`."""

    def set(self, level: int) -> None: ...


class Contact:
    """Bounces for at most bounce_us after each change, by the world's seed and `name` alone."""

    def __init__(self, world: World, line: Wire, bounce_us: int, name: str) -> None:
        self._world = world
        self._line = line
        self._bounce_us = bounce_us
        self._rng = world.rng(name)
        self._fault: Fault | None = None
        self._edges: list[Handle] = []
        self.closed = False
        self._settle(False)

    @property
    def fault(self) -> Fault | None:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        self._fault = fault
        self._settle(self.closed)

    def move(self, closed: bool) -> None:
        """Open or close; the pin settles within bounce_us."""
        if closed == self.closed:
            return
        for edge in self._edges:
            edge.cancel()
        self._edges.clear()
        self.closed = closed
        self._settle(closed)
        bounces = self._rng.randint(0, _BOUNCES_MAX) if self._bounce_us > 2 * _BOUNCES_MAX else 0
        times_us = sorted(self._rng.sample(range(1, self._bounce_us + 1), 2 * bounces)) if bounces else []
        for at, us in enumerate(times_us):
            self._edges.append(self._world.call_later(us, self._settle, closed == bool(at % 2)))

    def _settle(self, closed: bool) -> None:
        if self._fault is not None:
            closed = self._fault is Fault.SHORTED
        self._line.set(0 if closed else 1)


class PulseMeter:
    """A water or energy meter: one closed contact of pulse_us per unit. pulses: how many it gave, truly."""

    def __init__(
        self,
        world: World,
        line: Wire,
        pulse_us: int = 60_000,
        bounce_us: int = 1_000,
        name: str = "pulse meter",
    ) -> None:
        if not 0 <= bounce_us < pulse_us:
            raise ValueError(f"bounce_us {bounce_us} of a pulse of {pulse_us} us")
        self.pulses = 0
        self.contact = Contact(world, line, bounce_us, name)
        self._world = world
        self._pulse_us = pulse_us
        self._rng = world.rng(f"{name}/flow")
        self._next: Handle | None = None

    def pulse(self) -> None:
        """One unit went through now; the one before must be over."""
        if self.contact.closed:
            raise ValueError("the pulse before is not over")
        self.pulses += 1
        self.contact.move(True)
        self._world.call_later(self._pulse_us, self.contact.move, False)

    def flow(self, per_hour: int) -> None:
        """From now on so many pulses an hour, ±20 % from one to the next; 0 for none."""
        if self._next is not None:
            self._next.cancel()
            self._next = None
        if per_hour:
            period_us = 3_600_000_000 // per_hour
            if period_us * (1 - _FLOW_JITTER) < 2 * self._pulse_us:
                raise ValueError(f"{per_hour} pulses of {self._pulse_us} us an hour")
            self._plan(period_us)

    def _plan(self, period_us: int) -> None:
        us = int(period_us * self._rng.uniform(1 - _FLOW_JITTER, 1 + _FLOW_JITTER))
        self._next = self._world.call_later(us, self._run, period_us)

    def _run(self, period_us: int) -> None:
        if not self.contact.closed:
            self.pulse()
        self._plan(period_us)


class TiltSwitch:
    """Closes when tilted by close_deg or more, opens again below open_deg; bounces as a ball switch does."""

    def __init__(
        self,
        world: World,
        line: Wire,
        close_deg: int = 30,
        open_deg: int = 25,
        bounce_us: int = 5_000,
        name: str = "tilt switch",
    ) -> None:
        if not open_deg <= close_deg:
            raise ValueError(f"opens below {open_deg}°, closes from {close_deg}°")
        self.contact = Contact(world, line, bounce_us, name)
        self.degrees = 0
        self._close_deg = close_deg
        self._open_deg = open_deg

    def tilt(self, degrees: int) -> None:
        """It leans by 0…180° now."""
        self.degrees = degrees
        if degrees >= self._close_deg:
            self.contact.move(True)
        elif degrees < self._open_deg:
            self.contact.move(False)
