"""Rows out of a damaged store into a fresh one, as many as can be read.

    pages ──▶ small tables ──▶ who waits for what ──▶ readings that wait ──▶ sessions, keys

Delivered history stays in the file that is set aside.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import msgspec

from lyhord_gateway.model import intervals
from lyhord_gateway.store.delivered import deliver, delivered
from lyhord_gateway.store.recovery.pages import Pages, Record, Row
from lyhord_gateway.store.recovery.promises import leave_out
from lyhord_gateway.store.recovery.sound import is_sound
from lyhord_gateway.store.session import Session, from_row

# A file that lost its newest commits has forgotten the newest downlink counters; a counter that comes
# twice under one key would give the key away (RFC 3610 section 5), so a stretch is left out.
COUNTERS_LEFT_OUT = 1024

_TYPES: dict[str, type] = {"INTEGER": int, "TEXT": str, "BLOB": bytes}
_INDEXES = ("downlink_open",)
_OF_THEIR_OWN = ("sample", "session", "platform", "node_key")  # tables that are not simply copied

_intervals = msgspec.json.Decoder(list[tuple[int, int]])


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


@dataclass(slots=True)
class _Table:
    """columns: (name, type, may it be NULL); added: has it a default, as columns have that a migration added
    to rows that were there; key: place of the column that is the row's number, if any."""

    name: str
    columns: list[tuple[str, type, bool]]
    added: list[bool]
    key: int | None
    rows: list[Record] = field(default_factory=list)
    _statements: dict[int, str] = field(default_factory=dict)

    def fits(self, row: Row) -> bool:
        """Tables are told apart by their columns; STRICT tables hold exactly these types."""
        values = row.values
        if (row.rowid is None) != (self.key is None) or len(values) > len(self.columns):
            return False
        rest = range(len(values), len(self.columns))
        return all(self.added[place] or self.columns[place][2] for place in rest) and all(
            place == self.key or (optional if value is None else isinstance(value, kind))
            for place, (value, (_, kind, optional)) in enumerate(zip(values, self.columns, strict=False))
        )

    def whole(self, row: Row) -> Record:
        values = list(row.values)
        if self.key is not None:
            values[self.key] = row.rowid
        return tuple(values)

    def insert(self, target: sqlite3.Connection, record: Record) -> int:
        """1 if the row is in; 0 if it is none that the schema allows, or there already."""
        statement = self._statements.get(len(record))
        if statement is None:
            columns = ", ".join(f'"{name}"' for name, _, _ in self.columns[: len(record)])
            marks = ", ".join("?" * len(record))
            statement = f"INSERT OR IGNORE INTO {self.name} ({columns}) VALUES ({marks})"  # noqa: S608
            self._statements[len(record)] = statement
        try:
            return max(0, target.execute(statement, record).rowcount)
        except sqlite3.IntegrityError:
            return 0


def salvage(
    source: Pages,
    target: sqlite3.Connection,
    platforms: Sequence[str],
    owed: Callable[[int], int] = lambda _: 0,
) -> Salvaged:
    """Copies from the damaged `source` to the fresh `target` what `platforms` wait for, and all that is no
    reading. owed: how many downlink counters per node may be forgotten, by what all nodes together have been
    given as far as the source knows. Raises sqlite3.OperationalError if the target cannot be written."""
    found = Salvaged()
    tables = _tables(target)
    leaves, incomplete = _sort(source, tables, found)
    target.execute("PRAGMA foreign_keys = OFF")  # rows come as they are found
    target.execute("BEGIN IMMEDIATE")
    for record in tables["platform"].rows:
        if not _acknowledged(target, record):
            found.holes += 1
    after = min((delivered(target, name)[0][1] - 1 for name in platforms), default=0)
    sessions = _newest_sessions(tables["session"].rows, found)
    for leaf in leaves:
        for row in source.rows(leaf, after):
            if row is None or not is_sound("sample", record := tables["sample"].whole(row)):
                found.holes += 1
            elif tables["sample"].insert(target, record):
                found.readings += 1
                _note(sessions, record)
    for name, table in tables.items():
        if name not in _OF_THEIR_OWN:
            for record in table.rows:
                table.insert(target, record)
    _keys(target, tables["node_key"], sessions, "session" in incomplete, found)
    for session in sessions.values():
        tables["session"].insert(target, session.row())
    given = sum(session.downlink for session in sessions.values())
    leave_out(target, max(COUNTERS_LEFT_OUT, owed(given)))
    found.nodes = int(target.execute("SELECT count(*) FROM node").fetchone()[0])
    target.execute("COMMIT")
    return found


def _tables(target: sqlite3.Connection) -> dict[str, _Table]:
    tables = {}
    for name, rowless in target.execute(
        "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict"
    ).fetchall():
        columns = target.execute(f"PRAGMA table_info({name})").fetchall()
        keys = [place for place, _, _, _, _, primary in columns if primary]
        numbered = not rowless and len(keys) == 1 and columns[keys[0]][2] == "INTEGER"
        tables[name] = _Table(
            name,
            [
                (column, _TYPES.get(kind, object), not (required or primary))
                for _, column, kind, required, _, primary in columns
            ],
            [default is not None for _, _, _, _, default, _ in columns],
            keys[0] if numbered else None,
        )
    return tables


def _sort(source: Pages, tables: dict[str, _Table], found: Salvaged) -> tuple[list[int], set[str]]:
    """Fills the small tables; the pages with readings, and the tables of which rows may be missing."""
    names = _names(source, tables)
    leaves: list[int] = []
    incomplete = set() if source.header_sound else set(tables)
    for number in source.trees():
        name = names.get(source.root(number))
        if name is not None and name not in tables:
            continue  # an index, or the schema itself
        candidates = tables if name is None else {name: tables[name]}
        for row in source.rows(number):
            fitting = next((n for n, table in candidates.items() if row and table.fits(row)), None)
            if fitting == "sample":
                leaves.append(number)
                break
            if row and fitting and is_sound(fitting, whole := tables[fitting].whole(row)):
                tables[fitting].rows.append(whole)
            elif row is None or fitting or name is not None:
                found.holes += 1
                incomplete |= candidates.keys()
    return leaves, incomplete


def _names(source: Pages, tables: dict[str, _Table]) -> dict[int | None, str]:
    """Root page → table or index, as far as the schema can be read and believed."""
    names: dict[int | None, str] = {}
    if source.header_sound:
        names[1] = "sqlite_schema"
        for number in source.trees():
            if source.root(number) == 1:
                for row in source.rows(number):
                    if row and len(row.values) == 5 and isinstance(row.values[3], int):
                        names[row.values[3]] = str(row.values[1])
    # A name that is none of ours is ours with a bit flipped, or belongs to another root: then rows are told
    # apart by their columns alone.
    strange = any(
        name not in tables and not name.startswith(("sqlite_", *_INDEXES)) for name in names.values()
    )
    return {1: "sqlite_schema"} if strange or len({*names.values()}) < len(names) else names


def _newest_sessions(records: Iterable[Record], found: Salvaged) -> dict[int, Session]:
    sessions: dict[int, Session] = {}
    for record in records:
        try:
            session = from_row(record)
        except (ValueError, TypeError):  # a row whose bytes are not what they were
            found.holes += 1
            continue
        other = sessions.get(session.node)
        if other is None or (session.downlink, session.heard_s) > (other.downlink, other.heard_s):
            sessions[session.node] = session
    found.sessions = len(sessions)
    return sessions


def _acknowledged(target: sqlite3.Connection, record: Record) -> bool:
    """Rows of several ages say the same or less: what a platform has acknowledged once, it has."""
    name, cursor, *more = record
    assert isinstance(name, str) and isinstance(cursor, int)
    deliver(target, name, 0, cursor + 1)
    try:
        for first, end in _intervals.decode(str(more[0])) if more else ():
            deliver(target, name, first, end)
    except msgspec.MsgspecError:
        return False
    return True


def _note(sessions: dict[int, Session], sample: Record) -> None:
    """A session may be older than the reading, or gone."""
    _, node, seq, *_ = sample
    assert isinstance(node, int) and isinstance(seq, int)
    session = sessions.setdefault(node, Session(node))
    intervals.add(session.received, seq, seq + 1)
    session.expected = max(session.expected, seq + 1)


def _keys(
    target: sqlite3.Connection,
    keys: _Table,
    sessions: dict[int, Session],
    unsure: bool,
    found: Salvaged,
) -> None:
    """A node whose session may have been lost comes without its keys."""
    without: set[int] = set()
    for record in sorted(keys.rows, key=lambda record: int(str(record[2])), reverse=True):
        node = record[0]
        assert isinstance(node, int)
        target.execute("INSERT OR IGNORE INTO node (id) VALUES (?)", (node,))
        if unsure and (node not in sessions or not sessions[node].heard_s):
            without.add(node)
        else:
            keys.insert(target, record)
            sessions.setdefault(node, Session(node))
    found.without_key = len(without)
