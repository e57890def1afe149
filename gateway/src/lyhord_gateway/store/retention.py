"""Retention: history by age and by size, and, only if so configured, what no platform has yet.

over max_bytes? ──▶ oldest delivered ──none left──▶ drop_undelivered? ──no──▶ full: frames are refused
                                                          └──yes──▶ oldest undelivered, counted
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lyhord_gateway.model import intervals
from lyhord_gateway.model.intervals import Interval
from lyhord_gateway.store.delivered import deliver, delivered
from lyhord_gateway.store.transaction import transaction

_STEP = 2000  # rows removed in one transaction, so that no frame waits long for its commit
_STEP_MAX = 10_000  # more than one commit brings, so that no load outruns it
_ROW_BYTES = 64  # at least, with its place in the index
_VACUUM_PAGES = 4000
_DAY_S = 86_400
_LOG_BYTES = 16 << 20  # from here on the write-ahead log is emptied with some insistence …
_LOG_BUSY_MS = 50
_LOG_AGAIN_S = 1.0
_LOG_MAX_BYTES = 64 << 20  # … and here frames are refused, until the reader that holds it lets go

UP, FULL, HELD = "up", "full", "held"


@dataclass(frozen=True, slots=True)
class Pruned:
    """state: UP, FULL (of undelivered readings) or HELD (the log has grown too long, because somebody reads
    an old state of the store). dropped: undelivered readings removed now; low: up to which number."""

    state: str
    dropped: int = 0
    low: int = 0


@dataclass(slots=True)
class Retention:
    """platforms: those of the configuration; a reading is delivered when all of them have it. every_s: how
    often the bounds are looked at."""

    keep_days: int
    max_bytes: int
    platforms: Sequence[str]
    drop_undelivered: bool = False
    every_s: float = 30.0
    log_max_bytes: int = _LOG_MAX_BYTES
    removed: int = 0
    _next_s: float = 0.0
    _log_next_s: float = 0.0
    _log: Path | None = None
    _last: Pruned = field(default_factory=lambda: Pruned(UP))

    def prune(self, connection: sqlite3.Connection, now_s: float, idle: bool) -> Pruned:
        """Removes a step of what is over the bounds, now and then.

        now_s: Unix seconds; a clock that jumps ahead costs delivered history, never an undelivered reading.
        """
        if self._log_too_long(connection, now_s):
            return Pruned(HELD)  # to remove something would make it longer
        if now_s < self._next_s and self._next_s - now_s <= self.every_s:
            return Pruned(self._last.state)
        excess = used_bytes(connection) - self.max_bytes
        over = excess > 0
        step = max(1, min(excess // _ROW_BYTES, _STEP_MAX)) if over else _STEP
        removed = self._remove_delivered(connection, int(now_s) - self.keep_days * _DAY_S, step, over)
        self._last = Pruned(UP)
        if over and not removed:
            self._last = self._drop(connection, step) if self.drop_undelivered else Pruned(FULL)
        if removed or self._last.dropped:
            connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
        if over and self._last.state == UP:
            self._next_s = now_s
        else:  # more to do: go on when nothing else waits, or soon
            busy = removed == step or over
            self._next_s = now_s + (
                0.0 if busy and idle else min(1.0, self.every_s) if busy else self.every_s
            )
        return self._last

    def _remove_delivered(self, connection: sqlite3.Connection, horizon_s: int, step: int, over: bool) -> int:
        (high,) = connection.execute("SELECT coalesce(max(id), 0) FROM sample").fetchone()
        # The newest one stays, whoever has it: arrival numbers go on from it.
        (_, end), *ahead = self._delivered_everywhere(connection, max(high, 1))
        removed = connection.execute(
            "DELETE FROM sample WHERE id IN (SELECT id FROM (SELECT id, heard_s FROM sample WHERE id < ? "
            "ORDER BY id LIMIT ?) WHERE ? OR heard_s < ?)",
            (end, step, over, horizon_s),
        ).rowcount
        if over and not removed:
            removed = self._remove_ahead(connection, ahead, step)
        self.removed += removed
        return removed

    def _remove_ahead(self, connection: sqlite3.Connection, ahead: Sequence[Interval], step: int) -> int:
        """Removes what was delivered before an older backlog, but never the newest of a node: it tells that
        the node's backlog is one."""
        for first, end in ahead:
            removed = connection.execute(
                "DELETE FROM sample WHERE id IN (SELECT id FROM sample AS s WHERE id >= ? AND id < ? "
                "AND id <> (SELECT id FROM sample WHERE node = s.node ORDER BY seq DESC LIMIT 1) "
                "ORDER BY id LIMIT ?)",
                (first, end, step),
            ).rowcount
            if removed:
                return removed
        return 0

    def _delivered_everywhere(self, connection: sqlite3.Connection, end: int) -> list[Interval]:
        """Arrival numbers below `end` that every platform has; the first range begins at 0."""
        waiting: list[Interval] = []
        for platform in self.platforms:
            for gap in intervals.gaps(delivered(connection, platform), end):
                intervals.add(waiting, *gap)
        return intervals.gaps(waiting, end)

    def _drop(self, connection: sqlite3.Connection, step: int) -> Pruned:
        """Removes the oldest undelivered readings, and takes the cursors along; FULL if there are none."""
        with transaction(connection):
            (low,) = connection.execute(
                "SELECT coalesce(max(id), 0) FROM (SELECT id FROM sample ORDER BY id LIMIT ?)", (step,)
            ).fetchone()
            for name in self.platforms:
                missed = 0
                for first, end in intervals.gaps(delivered(connection, name), low + 1):
                    (number,) = connection.execute(
                        "SELECT count(*) FROM sample WHERE id >= ? AND id < ?", (first, end)
                    ).fetchone()
                    missed += number
                if missed:
                    deliver(connection, name, 0, low + 1)
                    total = dropped(connection, name) + missed
                    connection.execute(
                        "INSERT OR REPLACE INTO kept (key, value) VALUES (?, ?)",
                        (f"dropped.{name}", str(total).encode()),
                    )
            number = connection.execute("DELETE FROM sample WHERE id <= ?", (low,)).rowcount
        return Pruned(UP, number, low) if number else Pruned(FULL)

    def _log_too_long(self, connection: sqlite3.Connection, now_s: float) -> bool:
        """Empties a write-ahead log that SQLite's own checkpoints cannot keep short beside busy readers."""
        if self._log is None:
            (file,) = connection.execute(
                "SELECT file FROM pragma_database_list WHERE name = 'main'"
            ).fetchone()
            self._log = Path(f"{file}-wal")
        size = self._log_bytes()
        if size > _LOG_BYTES and not 0 <= self._log_next_s - now_s <= _LOG_AGAIN_S:
            self._log_next_s = now_s + _LOG_AGAIN_S
            (before,) = connection.execute("PRAGMA busy_timeout").fetchone()
            connection.execute(f"PRAGMA busy_timeout = {_LOG_BUSY_MS}")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            connection.execute(f"PRAGMA busy_timeout = {before}")
            size = self._log_bytes()
        return size > self.log_max_bytes

    def _log_bytes(self) -> int:
        assert self._log is not None
        return self._log.stat().st_size if self._log.exists() else 0


def dropped(connection: sqlite3.Connection, platform: str) -> int:
    """The number of readings that were removed before the platform had them."""
    row = connection.execute("SELECT value FROM kept WHERE key = ?", (f"dropped.{platform}",)).fetchone()
    return 0 if row is None else int(row[0])


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the database file that hold something."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
