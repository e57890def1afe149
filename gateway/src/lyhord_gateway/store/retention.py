"""How much history is kept: by age and by size, delivered readings only."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

_STEP = 2000  # rows removed in one transaction, so that no frame waits long for its commit
_DAY_S = 86_400


@dataclass(slots=True)
class Retention:
    """platforms: those of the configuration; a reading is delivered when all of them have it. every_s: how
    often the bounds are looked at."""

    keep_days: int
    max_bytes: int
    platforms: Sequence[str]
    every_s: float = 30.0
    removed: int = 0
    _next_s: float = 0.0
    _full: bool = False

    def tend(self, connection: sqlite3.Connection, now_s: float, idle: bool) -> bool:
        """Removes a step of what is over the bounds, now and then; True while the store is full.

        Full: over `max_bytes` and nothing delivered is left to remove. now_s: Unix seconds; a clock
        that jumps ahead costs delivered history, never an undelivered reading.
        """
        if now_s < self._next_s and self._next_s - now_s <= self.every_s:
            return self._full
        delivered = self._delivered(connection)
        over = used_bytes(connection) > self.max_bytes
        horizon_s = int(now_s) - self.keep_days * _DAY_S
        cursor = connection.execute(
            "DELETE FROM sample WHERE id IN (SELECT id FROM (SELECT id, heard_s FROM sample WHERE id <= ? "
            "ORDER BY id LIMIT ?) WHERE ? OR heard_s < ?)",
            (delivered, _STEP, over, horizon_s),
        )
        self.removed += cursor.rowcount
        if cursor.rowcount:
            connection.execute("PRAGMA incremental_vacuum(1000)").fetchall()
        self._full = over and not cursor.rowcount
        # More to do: go on when nothing else waits, or soon.
        busy = cursor.rowcount == _STEP or over
        self._next_s = now_s + (0.0 if busy and idle else min(1.0, self.every_s) if busy else self.every_s)
        return self._full

    def _delivered(self, connection: sqlite3.Connection) -> int:
        """The newest arrival number that every platform has acknowledged."""
        cursors = dict(connection.execute("SELECT name, cursor FROM platform").fetchall())
        if not self.platforms:
            return int(connection.execute("SELECT coalesce(max(id), 0) FROM sample").fetchone()[0])
        return min(int(cursors.get(name, 0)) for name in self.platforms)


def used_bytes(connection: sqlite3.Connection) -> int:
    """Bytes of the database file that hold something."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    return (pages - free) * size
