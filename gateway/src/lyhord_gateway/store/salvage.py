"""Rows out of a damaged database file, as many as can be read.

Registry, sessions, cursors and the readings that some platform still waits for; delivered history stays in
the file that is set aside.
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from lyhord_gateway.store import ranges
from lyhord_gateway.store.session import COLUMNS, WIDTH, Session, from_row
from lyhord_wire.frame import COUNTER_MAX

_FAILURES_MAX = 20_000  # per table: so often the reading goes on behind a hole
_END = 1 << 48
# A file that lost its newest commits has forgotten the newest downlink counters; a counter that comes
# twice under one key would give the key away (RFC 3610 section 5), so a stretch is left out.
_COUNTERS_LEFT_OUT = 4096


@dataclass(slots=True)
class Salvaged:
    """Rows that were saved. holes: places that could not be read. without_key: nodes whose keys were left
    behind, because nobody knows any more which downlink counters they have seen."""

    nodes: int = 0
    sessions: int = 0
    readings: int = 0
    holes: int = 0
    without_key: int = 0

    def line(self) -> str:
        return (
            f"{self.nodes} nodes, {self.sessions} sessions, {self.readings} readings that wait; "
            f"{self.holes} places unreadable"
        )


class _Table:
    """One table of the damaged file with an integer key; `holes` counts what could not be read."""

    def __init__(
        self, source: sqlite3.Connection, table: str, key: str, columns: str, after: int = 0
    ) -> None:
        self._source = source
        self._query = f"SELECT {columns} FROM {table} WHERE {key} > ? AND {key} <= ? ORDER BY {key}"  # noqa: S608
        self._after = after
        self.holes = 0

    def __iter__(self) -> Iterator[tuple[object, ...]]:
        """Rows in the order of their key, which is the first column."""
        spans = [(self._after, _END)]
        while spans and self.holes < _FAILURES_MAX:
            low, high = spans.pop()
            try:
                for row in self._source.execute(self._query, (low, high)):
                    if isinstance(row[0], int):
                        low = row[0]
                        yield row
            except sqlite3.DatabaseError:
                self.holes += 1
                if high - low > 1:  # behind the last row that was read, in halves
                    middle = (low + high) // 2
                    spans += [(middle, high), (low, middle)]


def salvage(source: sqlite3.Connection, target: sqlite3.Connection) -> Salvaged:
    """Copies from the damaged `source` to the fresh `target`. Raises sqlite3.OperationalError if the target
    cannot be written."""
    found = Salvaged()
    source.text_factory = lambda data: data.decode("utf-8", "replace")
    target.execute("BEGIN IMMEDIATE")
    sessions = _sessions(source, found)
    after = _cursors(source, target)
    for row in _read(_Table(source, "sample", "id", _SAMPLE, after), found):
        if _sound(row) and _insert(target, _INSERT_SAMPLE, row):
            found.readings += 1
            node, seq = row[1], row[2]
            assert isinstance(node, int) and isinstance(seq, int)
            session = sessions.setdefault(node, Session(node))
            ranges.add(session.received, seq, seq + 1)
            session.expected = max(session.expected, seq + 1)
    for session in sessions.values():
        session.downlink = min(session.downlink + _COUNTERS_LEFT_OUT, COUNTER_MAX + 1)
        _insert(target, f"INSERT INTO session ({COLUMNS}) VALUES ({_marks(WIDTH)})", session.row())  # noqa: S608
    _registry(source, target, found, sessions)
    target.execute("COMMIT")
    return found


_SAMPLE = 'id, node, seq, time_s, heard_s, "values", alarms, rssi_dbm, snr_q4, source, backlog'
_INSERT_SAMPLE = f"INSERT OR IGNORE INTO sample ({_SAMPLE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
_NODE = "id, name, profile, board, latitude_e6, longitude_e6, empty_mm, full_mm, firmware, enabled, created"


def _read(table: _Table, found: Salvaged) -> Iterator[tuple[object, ...]]:
    yield from table
    found.holes += table.holes


def _sessions(source: sqlite3.Connection, found: Salvaged) -> dict[int, Session]:
    sessions = {}
    for row in _read(_Table(source, "session", "node", COLUMNS), found):
        try:
            session = from_row(row)
        except (ValueError, TypeError):  # a row whose bytes are not what they were
            found.holes += 1
            continue
        sessions[session.node] = session
    found.sessions = len(sessions)
    return sessions


def _cursors(source: sqlite3.Connection, target: sqlite3.Connection) -> int:
    """Copies the platforms' cursors; above which arrival number somebody waits for readings."""
    cursors: list[int] = []
    try:
        for name, cursor in source.execute("SELECT name, cursor FROM platform"):
            if isinstance(cursor, int) and _insert(
                target, "INSERT INTO platform VALUES (?, ?)", (name, cursor)
            ):
                cursors.append(cursor)
        for row in source.execute("SELECT key, value FROM kept"):
            _insert(target, "INSERT OR IGNORE INTO kept VALUES (?, ?)", row)
    except sqlite3.DatabaseError:
        return 0
    return min(cursors, default=0)


def _registry(
    source: sqlite3.Connection, target: sqlite3.Connection, found: Salvaged, sessions: dict[int, Session]
) -> None:
    """A node whose session may have been lost comes without its keys."""
    unsure = found.holes > 0
    for row in _read(_Table(source, "node", "id", _NODE), found):
        found.nodes += _insert(target, f"INSERT OR IGNORE INTO node ({_NODE}) VALUES ({_marks(11)})", row)  # noqa: S608
    without: set[object] = set()
    for row in _read(_Table(source, "node_key", "node", "node, parity, generation, key"), found):
        if unsure and row[0] not in sessions:
            without.add(row[0])
        else:
            _insert(target, "INSERT OR IGNORE INTO node_key VALUES (?, ?, ?, ?)", row)
    found.without_key = len(without)


def _insert(target: sqlite3.Connection, statement: str, row: tuple[object, ...]) -> int:
    """1 if the row is in; 0 if it is none that the schema allows."""
    try:
        return max(0, target.execute(statement, row).rowcount)
    except sqlite3.IntegrityError:
        return 0


def _sound(row: tuple[object, ...]) -> bool:
    """Values and alarms of a reading are what a platform's profile can read."""
    _, node, seq, _, _, values, alarms, *_ = row
    try:
        msgspec.json.decode(str(values), type=dict[int, int | None])
        msgspec.json.decode("null" if alarms is None else str(alarms), type=list[int] | None)
    except msgspec.MsgspecError:
        return False
    return isinstance(node, int) and isinstance(seq, int)


def _marks(count: int) -> str:
    return ", ".join("?" * count)
