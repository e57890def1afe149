"""The gateway's clock discipline: which time stamps what is heard, and whether nodes may be told it.

Rhythm (timeouts, windows, pauses) is elapsed time and lives elsewhere; here is wall time only. It is believed
unless something speaks against it (docs/clocks.md):

    before the release ────────────────────────────▶ BEHIND_RELEASE   never told
    decades after the release ─────────────────────▶ AFTER_RELEASE    never told
    a time service runs and has not synchronised ──▶ UNSYNCHRONISED   told when it has
    behind what the store has heard ───────────────▶ BEHIND_STORE     told when past that, or synchronised
    jumped against the monotonic clock ────────────▶ JUMPED           told after SETTLE_S, or synchronised
    far from what concentrators' GPS says ─────────▶ FAR_FROM_GPS     told when they agree

While it is in doubt no node gets a time, health says why, and what is heard is stamped with the latest time
that is certain to have passed. Nobody's clock is ever set from a node's.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from enum import Enum

from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.dating import bounded
from lyhord_gateway.timekeeping.time_service import TimeService, time_service

_log = logging.getLogger(__name__)

PART = "clock"
RELEASED_S = 1_767_225_600  # 2026-01-01, no later than this version: raised with each release
IN_USE_S = 20 * 365 * 86_400  # no version is run for longer; a flat battery lets a clock chip say anything
STEP_S = 30.0  # a smaller difference is no jump, and no quarrel with GPS
SETTLE_S = 600.0
LOOK_S = 5.0
_ASK_S = 1.0
_GPS_FRESH_S = 3600.0


class Doubt(Enum):
    """The reason why the wall clock is not believed. The values are states of the part `clock`."""

    BEHIND_RELEASE = "behind_release"
    AFTER_RELEASE = "after_release"
    UNSYNCHRONISED = "unsynchronised"
    BEHIND_STORE = "behind_store"
    JUMPED = "jumped"
    FAR_FROM_GPS = "far_from_gps"


_TEXT = {
    Doubt.BEHIND_RELEASE: "it stands before the release of this version",
    Doubt.AFTER_RELEASE: "it stands more than 20 years after the release of this version",
    Doubt.UNSYNCHRONISED: "this machine's time service has not synchronised it yet",
    Doubt.BEHIND_STORE: "it stands {0:.0f} s behind what the store has heard",
    Doubt.JUMPED: "it has jumped by {0:+.0f} s and nothing has confirmed that yet",
    Doubt.FAR_FROM_GPS: "concentrators' GPS time differs from it by {0:+.0f} s",
}


def boot_s() -> float:
    """Seconds since the start of the machine, sleep included where the system can tell."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


class Clock:
    """newest_s: Unix seconds of the newest frame in the store. trusted: the machine's clock needs no time
    service and may be behind the store (an operator has said so). service: state of the time service; wall,
    elapsed: the machine's clocks."""

    def __init__(
        self,
        metrics: Metrics,
        newest_s: int = 0,
        trusted: bool = False,
        service: Callable[[], TimeService] = time_service,
        wall: Callable[[], float] = time.time,
        elapsed: Callable[[], float] = boot_s,
    ) -> None:
        self._metrics = metrics
        metrics.declare("clock.jumps")
        self._trusted = trusted
        self._service = service
        self._wall = wall
        self._elapsed = elapsed
        self._floor_s = max(newest_s, RELEASED_S)  # certain to have passed at `_floor_at_s`
        self._floor_at_s = elapsed()
        self._before = wall(), elapsed()
        self._jump: tuple[float, float] | None = None  # by how much, when (elapsed)
        self._synchronised = False
        self._gps: dict[str, tuple[float, float]] = {}  # by source: GPS − wall, when (elapsed)
        self._looked_s = float("-inf")
        self._asked: tuple[TimeService, float] | None = None  # the time service's word, and when
        self._doubt: Doubt | None = None
        self._stamped: tuple[int, int] | None = None  # the last one, in and out; None: to be weighed again
        self.look()

    def now_s(self) -> int:
        """The time that stamps what is heard now: the wall clock's, or while that is behind what is certain,
        the least that it can be."""
        self._look_now_and_then()
        wall_s = self._wall()
        if self._doubt is Doubt.AFTER_RELEASE:
            return bounded(int(self._certain_s()))
        if self._doubt in (Doubt.BEHIND_RELEASE, Doubt.BEHIND_STORE):
            return bounded(int(max(wall_s, self._certain_s())))
        return bounded(int(wall_s))

    def stamp(self, heard_s: int) -> int:
        """`heard_s` as a source took it from the wall clock, put right as `now_s` does."""
        if self._stamped is not None and self._stamped[0] == heard_s:
            return self._stamped[1]  # the same second: frames come by the hundred
        taken_s = heard_s
        self._look_now_and_then()
        if self._doubt is Doubt.AFTER_RELEASE:
            heard_s = int(self._certain_s())
        elif self._doubt in (Doubt.BEHIND_RELEASE, Doubt.BEHIND_STORE):
            heard_s = max(heard_s, int(self._certain_s()))
        heard_s = bounded(heard_s)
        if self._doubt is None and heard_s > self._certain_s():
            self._floor_s, self._floor_at_s = heard_s, self._elapsed()
        self._stamped = taken_s, heard_s
        return heard_s

    def told_s(self) -> int | None:
        """Unix seconds for a node; None while the clock is in doubt."""
        wall_s, elapsed_s = self._wall(), self._elapsed()
        if abs(self._jumped_s(wall_s, elapsed_s)) >= STEP_S or abs(elapsed_s - self._looked_s) >= _ASK_S:
            self.look()
        return None if self._doubt is not None else int(wall_s)

    @property
    def doubtful(self) -> bool:
        self._look_now_and_then()
        return self._doubt is not None

    def heard_gps(self, source: str, gps_s: float) -> None:
        """A concentrator's own time (Unix seconds) of a frame whose tag was good, just received."""
        ahead_s = gps_s - self._wall()
        self._gps[source] = ahead_s, self._elapsed()
        if self._doubt is not None or abs(ahead_s) >= STEP_S:  # it may settle a doubt, or raise one
            self._looked_s = float("-inf")

    async def watch(self) -> None:
        """Looks for jumps until cancelled."""
        while True:
            self.look()
            await asyncio.sleep(LOOK_S)

    def look(self) -> None:
        """Weighs the evidence; logs jumps and changes of mind."""
        self._looked_s = self._elapsed()
        self._stamped = None
        self._note_jump()
        if self._asked is None or self._looked_s - self._asked[1] >= _ASK_S:
            self._asked = self._service(), self._looked_s
        service = self._asked[0]
        if service is TimeService.SYNCHRONISED:
            self._synchronised = True
        self._judge(*self._evidence(service))

    def _look_now_and_then(self) -> None:
        if abs(self._elapsed() - self._looked_s) >= _ASK_S:
            self.look()

    def _jumped_s(self, wall_s: float, elapsed_s: float) -> float:
        return (wall_s - self._before[0]) - (elapsed_s - self._before[1])

    def _note_jump(self) -> None:
        wall_s, elapsed_s = self._wall(), self._elapsed()
        jump_s = self._jumped_s(wall_s, elapsed_s)
        self._before = wall_s, elapsed_s
        if abs(jump_s) < STEP_S:
            return
        _log.warning("clock: the wall clock has jumped by %+.0f s", jump_s)
        self._metrics.count("clock.jumps")
        self._gps = {source: (ahead_s - jump_s, at_s) for source, (ahead_s, at_s) in self._gps.items()}
        self._synchronised, self._asked = False, None  # whoever moved it: it has to be confirmed anew
        back = self._jump is not None and abs(self._jump[0] + jump_s) < STEP_S
        self._jump = None if back else (jump_s, elapsed_s)  # there and back again: as it was

    def _evidence(self, service: TimeService) -> tuple[Doubt | None, float]:
        wall_s, now_s = self._wall(), self._elapsed()
        if wall_s < RELEASED_S:
            return Doubt.BEHIND_RELEASE, RELEASED_S - wall_s
        if wall_s > RELEASED_S + IN_USE_S:
            return Doubt.AFTER_RELEASE, wall_s - RELEASED_S
        gps_s = self._gps_ahead_s(now_s)
        if gps_s is not None and abs(gps_s) >= STEP_S:
            return Doubt.FAR_FROM_GPS, gps_s
        if self._trusted or self._synchronised or gps_s is not None:
            self._jump = None
            return None, 0.0
        if service is TimeService.WAITING:
            return Doubt.UNSYNCHRONISED, 0.0
        behind_s = self._certain_s() - wall_s
        if behind_s >= STEP_S:
            return Doubt.BEHIND_STORE, behind_s
        if self._jump is not None and now_s - self._jump[1] < SETTLE_S:
            return Doubt.JUMPED, self._jump[0]
        self._jump = None
        return None, 0.0

    def _gps_ahead_s(self, now_s: float) -> float | None:
        """GPS − wall in the middle of the concentrators that have told it lately: one liar among three is
        outvoted."""
        self._gps = {one: found for one, found in self._gps.items() if now_s - found[1] < _GPS_FRESH_S}
        ahead = sorted(ahead_s for ahead_s, _ in self._gps.values())
        return (ahead[(len(ahead) - 1) // 2] + ahead[len(ahead) // 2]) / 2 if ahead else None

    def _certain_s(self) -> float:
        return self._floor_s + max(0.0, self._elapsed() - self._floor_at_s)

    def _judge(self, doubt: Doubt | None, seconds: float) -> None:
        before, self._doubt = self._doubt, doubt
        why = "" if doubt is None else _TEXT[doubt].format(seconds)
        changed = self._metrics.state(PART, "up" if doubt is None else doubt.value, why)
        if doubt is None:
            if before is not None:
                self._floor_s, self._floor_at_s = int(self._wall()), self._elapsed()
                _log.info("clock: the wall clock is believed again, nodes are told the time")
        elif changed:
            _log.warning("clock: %s; nodes are told no time", why)
