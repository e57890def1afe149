"""Is the gateway well? One report for /health, the platforms' health topic and the service manager.

A reason is something that a person should look at. What the event loop cannot know without touching the
disk (`Facts`) is looked up in a thread, now and then; if that hangs, this too is a reason.
"""

import asyncio
import logging
import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from lyhord_gateway.store.recovery.promises import Loss, loss
from lyhord_gateway.store.retention import used_bytes
from lyhord_gateway.support.metrics import Metrics, answers_of
from lyhord_gateway.timekeeping.clock import PART as CLOCK

_log = logging.getLogger(__name__)

_PROBE_S = 5.0  # how often the disk is asked
_STALE_S = 60.0  # a disk that does not answer for so long is a reason of its own
_DAY_S = 86_400
_LOSS_S = 7 * _DAY_S  # a loss is shown so long after the start that noticed it
_MIB = 1 << 20
_HEARD = "SELECT count(*) FROM node JOIN session ON session.node = node.id WHERE enabled AND heard_s > ?"

Position = Callable[[], tuple[int, int]]  # how many readings wait for a platform, and its cursor


@dataclass(frozen=True, slots=True)
class Limits:
    """From when on something is a reason: seconds that a source or platform is down, age of the oldest
    reading that waits for a platform, free bytes on the disk."""

    source_down_s: int
    platform_down_s: int
    backlog_age_s: int
    disk_free_bytes: int


@dataclass(frozen=True, slots=True)
class Reason:
    """code: one of docs/operate.md's list. part: whom it concerns. text: for people, one line."""

    code: str
    part: str
    text: str


@dataclass(frozen=True, slots=True)
class PlatformState:
    """waiting: arrival numbers that it has not acknowledged. oldest_age_s: 0 if nothing waits. why: it is not
    up. skipped: readings since the start that it is not to be sent any more."""

    name: str
    state: str
    waiting: int
    oldest_age_s: int
    why: str = ""
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that only the disk knows. oldest_s: per platform, when the oldest waiting reading was heard."""

    at_mono_s: float
    oldest_s: Mapping[str, int | None] = field(default_factory=dict)
    nodes: dict[str, int] = field(default_factory=dict)
    store_bytes: int = 0
    disk_free_bytes: int = 0
    set_aside: int = 0
    quarantined: int = 0
    loss: Loss | None = None


@dataclass(frozen=True, slots=True)
class Report:
    reasons: tuple[Reason, ...]
    notes: tuple[str, ...]
    platforms: tuple[PlatformState, ...]
    facts: Facts

    @property
    def healthy(self) -> bool:
        return not self.reasons


class Probe:
    """Asks the store and the disk, over a connection of its own; for one thread at a time."""

    def __init__(self, connection: sqlite3.Connection, data_dir: Path) -> None:
        self._connection = connection
        self._data_dir = data_dir

    def look(self, cursors: Mapping[str, int]) -> Facts:
        disk = os.statvfs(self._data_dir)
        one = self._connection.execute
        known, enabled = one("SELECT count(*), coalesce(sum(enabled), 0) FROM node").fetchone()
        day_ago_s = int(time.time()) - _DAY_S
        (heard,) = one(_HEARD, (day_ago_s,)).fetchone()
        return Facts(
            at_mono_s=time.monotonic(),
            oldest_s={name: self._oldest_s(cursor) for name, cursor in cursors.items()},
            nodes={"known": known, "enabled": enabled, "heard_last_day": heard},
            store_bytes=used_bytes(self._connection),
            disk_free_bytes=disk.f_bavail * disk.f_frsize,
            quarantined=one("SELECT count(*) FROM quarantine").fetchone()[0],
            set_aside=sum(1 for _ in self._data_dir.glob("*.damaged-*.db")),
            loss=loss(self._connection),
        )

    def _oldest_s(self, cursor: int) -> int | None:
        row = self._connection.execute(
            "SELECT heard_s FROM sample WHERE id > ? ORDER BY id LIMIT 1", (cursor,)
        ).fetchone()
        return None if row is None else int(row[0])


class Health:
    """look: asks the disk, in a thread; its argument is each platform's cursor."""

    def __init__(self, limits: Limits, metrics: Metrics, look: Callable[[Mapping[str, int]], Facts]) -> None:
        self._limits = limits
        self._sources: Sequence[str] = ()
        self._platforms: Mapping[str, Position] = {}
        self._metrics = metrics
        self._look = look
        self._start_mono_s = time.monotonic()
        self._facts: Facts | None = None

    def limit(self, limits: Limits) -> None:
        """From now on these limits hold."""
        self._limits = limits

    def expect(self, sources: Sequence[str], platforms: Mapping[str, Position]) -> None:
        """Sets the parts that should be up."""
        self._sources = sources
        self._platforms = platforms
        self._metrics.expect(*sources, *(f"platform.{name}" for name in platforms))

    async def watch(self) -> None:
        """Keeps the facts fresh, until cancelled."""
        loop = asyncio.get_running_loop()
        pool = ThreadPoolExecutor(1, "health")
        try:
            while True:
                cursors = {name: position()[1] for name, position in self._platforms.items()}
                try:
                    self._facts = await loop.run_in_executor(pool, self._look, cursors)
                except (OSError, sqlite3.OperationalError) as error:
                    _log.warning("health: the store does not answer (%s)", error)
                await asyncio.sleep(_PROBE_S)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def report(self) -> Report:
        now_mono_s = time.monotonic()
        facts = self._facts or Facts(self._start_mono_s)
        platforms = tuple(self._platform(name, facts) for name in self._platforms)
        reasons = [reason for source in self._sources if (reason := self._source(source, now_mono_s))]
        reasons += [reason for source in self._sources if (reason := self._answers(source))]
        for platform in platforms:
            reasons += self._behind(platform, now_mono_s)
        reasons += self._clock(now_mono_s)
        reasons += self._disk(facts, now_mono_s)
        notes = [self._metrics.notes[topic] for topic in sorted(self._metrics.notes)]
        if (doubt := self._clock_doubt()) and self._clock_settles(now_mono_s):
            notes.append(f"{CLOCK}: {doubt}")
        if facts.quarantined:
            notes.append(f"{facts.quarantined} frames are in quarantine: lyhord-gateway quarantine")
        if facts.set_aside:
            notes.append(f"{facts.set_aside} damaged store files are set aside in gateway.data_dir")
        notes += [
            f"{platform.name} has not taken {platform.skipped} readings, but others, since the start"
            for platform in platforms
            if platform.skipped
        ]
        return Report(tuple(reasons), tuple(notes), platforms, facts)

    def _down_s(self, part: str, now_mono_s: float) -> float:
        """For how long a part has not been up."""
        if self._metrics.states.get(part) == "up":
            return 0.0
        return now_mono_s - self._metrics.since_mono_s.get(part, self._start_mono_s)

    def _source(self, source: str, now_mono_s: float) -> Reason | None:
        down_s = self._down_s(source, now_mono_s)
        if down_s <= self._limits.source_down_s:
            return None
        why = f" ({why})" if (why := self._metrics.why.get(source, "")) else ""
        return Reason("source_down", source, f"nothing has been heard of it for {down_s:.0f} s{why}")

    def _answers(self, source: str) -> Reason | None:
        """Nodes are heard, but what is sent to them does not get into the air."""
        part = answers_of(source)
        if self._metrics.states.get(part, "up") == "up":
            return None
        return Reason("answers_failing", source, self._metrics.why[part])

    def _platform(self, name: str, facts: Facts) -> PlatformState:
        waiting, _ = self._platforms[name]()
        oldest_s = facts.oldest_s.get(name)
        age_s = max(0, int(time.time()) - oldest_s) if waiting and oldest_s is not None else 0
        part = f"platform.{name}"
        return PlatformState(
            name,
            self._metrics.states.get(part, "starting"),
            waiting,
            age_s,
            self._metrics.why.get(part, ""),
            self._metrics.counters[f"{part}.readings_skipped"],
        )

    def _behind(self, platform: PlatformState, now_mono_s: float) -> list[Reason]:
        backlog = f"{platform.waiting} readings wait, the oldest for {platform.oldest_age_s} s"
        down_s = self._down_s(f"platform.{platform.name}", now_mono_s)
        if down_s > self._limits.platform_down_s:
            why = f" ({platform.why})" if platform.why else ""
            if platform.state == "refusing":
                text = f"messages are refused for {down_s:.0f} s{why}; {backlog}"
                return [Reason("platform_refusing", platform.name, text)]
            text = f"no connection for {down_s:.0f} s{why}; {backlog}"
            return [Reason("platform_down", platform.name, text)]
        if platform.oldest_age_s > self._limits.backlog_age_s:
            return [Reason("backlog_old", platform.name, backlog)]
        return []

    def _clock(self, now_mono_s: float) -> list[Reason]:
        text = self._clock_doubt()
        return [Reason("clock_in_doubt", CLOCK, text)] if text and not self._clock_settles(now_mono_s) else []

    def _clock_doubt(self) -> str:
        if self._metrics.states.get(CLOCK, "up") == "up":
            return ""
        return f"{self._metrics.why[CLOCK]}; nodes are told no time"

    def _clock_settles(self, now_mono_s: float) -> bool:
        """A clock that was moved while we run may be right, or be put right, in a minute."""
        jumped = self._metrics.counters["clock.jumps"] > 0
        return jumped and self._down_s(CLOCK, now_mono_s) <= self._limits.source_down_s

    def _disk(self, facts: Facts, now_mono_s: float) -> list[Reason]:
        found = []
        if facts.loss is not None and time.time() - facts.loss.at_s < _LOSS_S:
            found.append(Reason("store_went_back", "store", facts.loss.text))
        store = self._metrics.states.get("store", "up")
        if store == "full":
            found.append(Reason("store_full", "store", "store.max_mb is full of undelivered readings"))
        elif store == "held":
            found.append(
                Reason("store_held", "store", "somebody reads an old state of the store, its log is too long")
            )
        elif store != "up":
            found.append(
                Reason("store_refusing", "store", f"commits fail with {store}, nothing is acknowledged")
            )
        if now_mono_s - facts.at_mono_s > _STALE_S:
            found.append(
                Reason(
                    "store_silent",
                    "store",
                    f"no answer from the disk for {now_mono_s - facts.at_mono_s:.0f} s",
                )
            )
        elif self._facts is not None and facts.disk_free_bytes < self._limits.disk_free_bytes:
            free = facts.disk_free_bytes // _MIB
            found.append(Reason("disk_nearly_full", "store", f"{free} MiB are free on the store's disk"))
        return found
