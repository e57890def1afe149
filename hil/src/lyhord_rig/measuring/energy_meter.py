"""The current drawn in one virtual node: a stopwatch per state, split at every wake.

The state is looked at after every event of the world; between events nothing changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from ..board.board import Board, Exit, State
from ..world.clock import World


class Core(Enum):
    """The states of the microcontroller."""

    AWAKE = "awake"
    LIGHT = "light sleep"


class Air(Enum):
    """The states of the LoRa radio; standby holds the short way through the synthesizer's lock too."""

    SLEEP = "asleep"
    STANDBY = "standby"
    SEND = "sending"
    LISTEN = "listening"


# Modes of both emulated chips by name.
_AIR = {
    "SLEEP": Air.SLEEP,
    "STANDBY": Air.STANDBY,
    "STANDBY_RC": Air.STANDBY,
    "STANDBY_XOSC": Air.STANDBY,
    "FS": Air.STANDBY,
    "FS_TX": Air.STANDBY,
    "FS_RX": Air.STANDBY,
    "TX": Air.SEND,
    "RX": Air.LISTEN,
    "RX_CONTINUOUS": Air.LISTEN,
    "RX_SINGLE": Air.LISTEN,
    "CAD": Air.LISTEN,
}


@dataclass(frozen=True, slots=True)
class Draw:
    """Everything that draws current at one moment. wifi: the WiFi radio is on."""

    core: Core
    air: Air
    sensors: bool
    wifi: bool


@dataclass(slots=True)
class Wake:
    """One stay awake, from the start to deep sleep: microseconds of virtual time per Draw, pings, frames."""

    us: Counter[Draw] = field(default_factory=Counter)
    pings: int = 0

    def total_us(self, wanted: Callable[[Draw], bool] = lambda draw: True) -> int:
        """Microseconds in all states that `wanted` holds for."""
        return sum(us for draw, us in self.us.items() if wanted(draw))

    @property
    def has_sampled(self) -> bool:
        return self.pings > 0

    @property
    def has_sent(self) -> bool:
        return self.total_us(lambda draw: draw.air is Air.SEND or draw.wifi) > 0

    @property
    def has_listened(self) -> bool:
        return self.total_us(lambda draw: draw.air is Air.LISTEN) > 0


class Meter:
    """`wakes`: those that ended in deep sleep since `begin()`; `asleep_us`: the LoRa radio's states in it.

    The functions say what is on now.
    """

    def __init__(
        self,
        world: World,
        board: Board,
        air_mode: Callable[[], str],
        sensors_on: Callable[[], bool],
        pings: Callable[[], int],
    ) -> None:
        self.wakes: list[Wake] = []
        self.asleep_us: Counter[Air] = Counter()
        self._world = world
        self._board = board
        self._air_mode = air_mode
        self._sensors_on = sensors_on
        self._pings = pings
        self._wake = Wake()
        self._draw: Draw | None = None
        self._asleep: Air | None = None
        self._since_us = world.now_us
        self._pings_before = 0
        world.observers.append(self._look)
        board.on_exit.append(self._ended)

    def begin(self) -> None:
        """Forgets the wakes so far."""
        self.wakes.clear()
        self.asleep_us.clear()

    def _look(self) -> None:
        now_us = self._world.now_us
        if self._draw is not None:
            self._wake.us[self._draw] += now_us - self._since_us
        if self._asleep is not None:
            self.asleep_us[self._asleep] += now_us - self._since_us
        self._since_us = now_us
        self._draw = self._now()
        self._asleep = _AIR[self._air_mode()] if self._board.state is State.ASLEEP else None

    def _now(self) -> Draw | None:
        board = self._board
        if board.state in (State.OFF, State.ASLEEP):
            return None
        core = Core.LIGHT if board.sleeps_lightly else Core.AWAKE
        return Draw(core, _AIR[self._air_mode()], self._sensors_on(), board.station.active)

    def _ended(self, board: Board, why: Exit) -> None:
        now_us = self._world.now_us
        if self._draw is not None:
            self._wake.us[self._draw] += now_us - self._since_us
        self._since_us = now_us
        self._draw = None
        self._wake.pings = self._pings() - self._pings_before
        self._pings_before = self._pings()
        if why is Exit.DEEP_SLEEP:
            self.wakes.append(self._wake)
        self._wake = Wake()
