"""Reading the store: pages of readings for the platforms, rows for the registry and the CLI.

A page comes out of SQLite as one JSON text: one step of the statement, so the interpreter lock is
given away once and not once per row.
"""

import sqlite3
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import msgspec

from lyhord_gateway.model import intervals
from lyhord_gateway.model.intervals import Interval
from lyhord_gateway.model.reading import NodeFacts, Reading, node_of
from lyhord_gateway.model.work import announced_key
from lyhord_gateway.store.about import named_fields
from lyhord_gateway.store.delivered import delivered
from lyhord_gateway.store.downlinks.queue import Entry, entries
from lyhord_gateway.store.quarantine import Held, held
from lyhord_gateway.store.retention import dropped
from lyhord_gateway.store.rotation import Rotation, generations, rotation
from lyhord_gateway.store.session import COLUMNS, Session, from_row, load_session
from lyhord_gateway.support.errors import StoreDamaged
from lyhord_wire.replay import ReplayWindow
from lyhord_wire.tables import (
    STATUS_BATTERY,
    STATUS_FAULTS,
    STATUS_RSSI,
    STATUS_SETTINGS_VERSION,
    STATUS_SNR,
    STATUS_VERSION,
)

_COLUMNS = """
SELECT json_group_array(json_array(id, node, seq, time_s, json("values"), json(alarms), rssi_dbm, snr_q4,
                                   source, json(iif(backlog, 'true', 'false'))))
"""
# Late is also what goes out after the newest of its node: that one lies behind the end of the pages.
_LATE = _COLUMNS.replace(
    "backlog,", "backlog OR (SELECT id >= ? FROM sample WHERE node = s.node ORDER BY seq DESC LIMIT 1),"
)
_PART = "FROM (SELECT * FROM sample WHERE id >= ? AND id < ? ORDER BY id LIMIT ?) AS s"
_SPAN = "node = ? AND seq > ? AND time_s >= ? AND time_s < ?"
_HISTORY = f"{_COLUMNS} FROM (SELECT * FROM sample WHERE {_SPAN} ORDER BY seq LIMIT ?)"  # noqa: S608


_FACTS = "id, name, profile, board, latitude_e6, longitude_e6, empty_mm, full_mm, firmware, about"
_NODE = f"{_FACTS}, enabled, created"
_arrival = attrgetter("arrival")
_seq = attrgetter("seq")
_decoder = msgspec.json.Decoder(list[Reading])


class NodeRow(msgspec.Struct, frozen=True, kw_only=True):
    """A node of the registry. keys: by parity of their generation; they hide in the repr."""

    facts: NodeFacts
    enabled: bool
    created: str | None
    generations: list[int]
    keys: dict[int, bytes]

    def __repr__(self) -> str:
        return f"NodeRow({self.facts!r}, enabled={self.enabled}, generations={self.generations})"


@dataclass(frozen=True, slots=True)
class Listed:
    """A node for people. received, missing, given_up: numbers of samples; generations: those with a key;
    marks: see store/marks.py."""

    facts: NodeFacts
    enabled: bool
    created: str | None
    generations: list[int]
    session: Session
    received: int
    missing: int
    given_up: int
    marks: bytes


class Reader:
    """Reads over one connection; not for two threads at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def close(self) -> None:
        self._connection.close()

    def part(self, first: int, end: int, limit: int, late: bool) -> list[Reading]:
        """At most `limit` readings with arrival numbers in first … end − 1, in their order. late: what was
        taken before a reading that arrived after `end` is marked as backlog too."""
        query = f"{_LATE if late else _COLUMNS} {_PART}"
        found = self._readings(query, (end, first, end, limit) if late else (first, end, limit))
        found.sort(key=_arrival)
        return found

    def history(self, node: int, after: int, since_s: int, until_s: int, limit: int) -> list[Reading]:
        """At most `limit` readings of a node with numbers above `after`, taken in since_s … until_s − 1."""
        found = self._readings(_HISTORY, (node, after, since_s, until_s, limit))
        found.sort(key=_seq)
        return found

    def quantities(self, node: int, since_s: int, until_s: int) -> list[int]:
        """Those that occur in the history of a node."""
        rows = self._connection.execute(
            f'SELECT DISTINCT CAST(key AS INTEGER) FROM sample, json_each("values") WHERE {_SPAN} ORDER BY 1',  # noqa: S608
            (node, -1, since_s, until_s),
        )
        return [int(key) for (key,) in rows]

    def named(self, name: str) -> list[int]:
        """The nodes of this name."""
        rows = self._connection.execute("SELECT id FROM node WHERE name = ? ORDER BY id", (name,))
        return [int(node) for (node,) in rows]

    def _readings(self, query: str, arguments: tuple[int, ...]) -> list[Reading]:
        try:
            return _decoder.decode(self._connection.execute(query, arguments).fetchone()[0])
        except msgspec.DecodeError as error:
            raise StoreDamaged("a reading is not what was stored") from error
        except sqlite3.OperationalError as error:
            if self._malformed():
                raise StoreDamaged("a reading is not what was stored") from error
            raise

    def _malformed(self) -> bool:
        """SQLite's functions for JSON have no error code of their own."""
        return bool(
            self._connection.execute(
                'SELECT 1 FROM sample WHERE NOT json_valid("values") OR NOT json_valid(coalesce(alarms, 0)) '
                "LIMIT 1"
            ).fetchone()
        )

    def newest_arrival(self) -> int:
        """The newest arrival number, 0 if there is none."""
        return int(self._connection.execute("SELECT coalesce(max(id), 0) FROM sample").fetchone()[0])

    def newest_heard_s(self) -> int:
        """The time when the newest frame was heard, Unix seconds; 0 if there was none."""
        return int(self._connection.execute("SELECT coalesce(max(heard_s), 0) FROM session").fetchone()[0])

    def quarantined(self) -> list[Held]:
        """Frames that were refused though their nodes have sealed them, the newest first."""
        return held(self._connection)

    def delivered(self, platform: str) -> list[Interval]:
        """The readings that the platform has, as ranges of arrival numbers; see `store.delivered`."""
        return delivered(self._connection, platform)

    def cursor(self, platform: str) -> int:
        """Up to where the platform has everything; 0 for one that is new."""
        return self.delivered(platform)[0][1] - 1

    def dropped(self, platform: str) -> int:
        """Readings that were removed before the platform had them."""
        return dropped(self._connection, platform)

    def skipped(self, platform: str) -> int:
        """Readings that the platform has never taken, while it took others."""
        return int(self.kept(f"skipped.{platform}") or 0)

    def waiting(self, platform: str) -> tuple[int, int | None]:
        """Readings that wait for a platform: how many, and when the oldest was heard (Unix seconds)."""
        number, oldest_s = 0, None
        for first, end in intervals.gaps(self.delivered(platform), self.newest_arrival() + 1):
            more, heard_s = self._connection.execute(
                "SELECT count(*), min(heard_s) FROM sample WHERE id >= ? AND id < ?", (first, end)
            ).fetchone()
            number += more
            oldest_s = heard_s if oldest_s is None else min(oldest_s, heard_s or oldest_s)
        return number, oldest_s

    def node(self, node: int) -> NodeRow | None:
        row = self._connection.execute(f"SELECT {_NODE} FROM node WHERE id = ?", (node,)).fetchone()  # noqa: S608
        if row is None:
            return None
        keys = self._connection.execute(
            "SELECT parity, generation, key FROM node_key WHERE node = ? ORDER BY generation", (node,)
        ).fetchall()
        session = self._connection.execute("SELECT status FROM session WHERE node = ?", (node,)).fetchone()
        return _node_row(
            row,
            [generation for _, generation, _ in keys],
            {parity: key for parity, _, key in keys},
            session and session[0],
        )

    def keys(self, node: int) -> list[tuple[int, bytes]]:
        """The node's keys with their generations, the newer one last: for a file of mode 0600 only."""
        found = dict(
            self._connection.execute(
                "SELECT generation, key FROM node_key WHERE node = ?", (node,)
            ).fetchall()
        )
        return [(number, bytes(found[number])) for number in generations(self._connection, node) or []]

    def rotation(self, node: int) -> Rotation | None:
        """The change of this node's key that is under way."""
        return rotation(self._connection, node)

    def session(self, node: int) -> Session:
        return load_session(self._connection, node)

    def replay(self, node: int, generation: int) -> tuple[ReplayWindow, bytes]:
        """A copy of the replay window of a node's key, and the digest of the newest frame under it."""
        window = self.session(node).windows[generation]
        return ReplayWindow(window.top, window.mask), window.latest

    def orders(self, node: int | None = None) -> list[Entry]:
        """The orders for all nodes, or this one, and what became of them, oldest first."""
        return entries(self._connection, node)

    def announced(self, platform: str) -> dict[int, bytes]:
        """Node → the words that take back what the platform was told of it (`publish/announced.py`)."""
        prefix = announced_key(platform, "")
        rows = self._connection.execute(
            "SELECT key, value FROM kept WHERE key >= ? AND key < ?", (prefix, f"{prefix}g")
        )
        found = {node_of(key.removeprefix(prefix)): bytes(value) for key, value in rows}
        return {node: value for node, value in found.items() if node is not None}

    def kept(self, key: str) -> bytes | None:
        row = self._connection.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
        return None if row is None else bytes(row[0])

    def enabled_nodes(self) -> list[int]:
        """The ids of those that may be heard."""
        return [int(row[0]) for row in self._connection.execute("SELECT id FROM node WHERE enabled")]

    def listed(self, node: int) -> Listed | None:
        """One node with what became of its samples."""
        row = self.node(node)
        return None if row is None else _listed(row, self.session(node), self.marks(node))

    def marks(self, node: int) -> bytes:
        row = self._connection.execute("SELECT marks FROM mark WHERE node = ?", (node,)).fetchone()
        return b"" if row is None else bytes(row[0])

    def nodes(self) -> list[Listed]:
        """All nodes of the registry with what became of their samples, ordered by id."""
        sessions = {
            row[0]: from_row(row)
            for row in self._connection.execute(f"SELECT {COLUMNS} FROM session")  # noqa: S608
        }
        marks = dict(self._connection.execute("SELECT node, marks FROM mark").fetchall())
        keys: dict[int, list[int]] = {}
        for node, generation in self._connection.execute("SELECT node, generation FROM node_key"):
            keys.setdefault(node, []).append(generation)
        return [
            _listed(
                _node_row(row, sorted(keys.get(row[0], ())), {}),
                sessions.get(row[0]) or Session(row[0]),
                marks.get(row[0], b""),
            )
            for row in self._connection.execute(f"SELECT {_NODE} FROM node ORDER BY id").fetchall()  # noqa: S608
        ]


# What platforms are told of a status: not what counts up, and not what is only for us.
_TOLD = (STATUS_BATTERY, STATUS_SETTINGS_VERSION, STATUS_RSSI, STATUS_SNR, STATUS_FAULTS)
_NO_FIELDS: dict[str, int | float | str] = {}  # one for the thousands of nodes that have none
_decode_status = msgspec.json.Decoder(dict[int, int]).decode


def _node_row(
    row: tuple[Any, ...], generations: list[int], keys: dict[int, bytes], status: str | None = None
) -> NodeRow:
    """row: the columns of _NODE. status: of its session."""
    try:
        told = _decode_status(status or "{}")
    except msgspec.DecodeError as error:
        raise StoreDamaged("a node's status is not what was stored") from error
    known = tuple((key, told[key]) for key in _TOLD if key in told)
    firmware, enabled = told.get(STATUS_VERSION, row[8]), bool(row[10])
    facts: tuple[Any, ...] = (*row[:8], firmware, named_fields(row[9]) or _NO_FIELDS, known, enabled)
    return NodeRow(
        facts=NodeFacts(*facts),
        enabled=enabled,
        created=row[11],
        generations=generations,
        keys=keys,
    )


def _listed(row: NodeRow, session: Session, marks: bytes) -> Listed:
    given_up = intervals.total(session.given_up)
    return Listed(
        facts=row.facts,
        enabled=row.enabled,
        created=row.created,
        generations=row.generations,
        session=session,
        received=intervals.total(session.received) - given_up,
        missing=intervals.total(intervals.gaps(session.received, session.expected)),
        given_up=given_up,
        marks=marks,
    )
