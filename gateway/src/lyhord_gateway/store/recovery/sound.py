"""The rules for the rows of each table, beyond those that SQLite itself enforces.

SQLite checks pages and types; it does not see that a text is no text any more, that a number is none that was
ever written, or that the schema's own words have changed. The start looks at the first two with `bad_row` and
at the last with `bad_schema`; a recovery leaves out the rows that `is_sound` calls bad.
"""

import re
import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import msgspec

from lyhord_gateway.store.completeness import unpack
from lyhord_gateway.store.downlinks.queue import order_of
from lyhord_gateway.store.recovery.promises import GIVEN_MAX
from lyhord_gateway.store.schema import make_schema, migrations
from lyhord_gateway.store.session import from_row
from lyhord_wire.frame import COUNTER_MAX, NODE_MAX

Record = Sequence[Any]

_MAX = 1 << 53  # more than any sample or arrival number of ours
_values = msgspec.json.Decoder(dict[int, int | None])
_alarms = msgspec.json.Decoder(list[int])
_intervals = msgspec.json.Decoder(list[tuple[int, int]])
_NUMBERS = re.compile(r"(dropped|skipped)\..*|store\.(downlink_floor|head)|ids\.reserved")


def is_sound(table: str, record: Record) -> bool:
    """record: the columns of a row in the order of the table; what a migration added may be missing."""
    try:
        _CHECKS.get(table, _anything)(record)
    except Exception:  # noqa: BLE001 — whatever a parser of ours says of bytes that are not ours
        return False
    return True


def bad_row(connection: sqlite3.Connection) -> str | None:
    """The first table with a row that is not what was stored; None if there is none."""
    for table in _CHECKS.keys() - {"sample"}:  # of those, millions: what goes to a platform is looked at then
        try:
            rows = connection.execute(f"SELECT * FROM {table}")  # noqa: S608
            if not all(is_sound(table, row) for row in rows):
                return f"a row of {table} is not what was stored"
        except sqlite3.OperationalError as error:
            if hasattr(error, "sqlite_errorcode"):
                raise
            return f"a text of {table} is none"  # Python's own error: SQLite hands out whatever is there
    return None


def bad_schema(connection: sqlite3.Connection) -> str | None:
    """The difference of the schema from that of our migrations; None if there is none."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    ours = len(migrations())
    if version > ours:
        flipped = (version ^ ours).bit_count() == 1 and _schema(connection) == _expected(ours)
        return "its schema's number is none of ours" if flipped or version > 255 else None
    if not version and not connection.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone():
        return None  # nothing was made yet
    return None if version >= 0 and _schema(connection) == _expected(version) else "its schema has changed"


def _schema(connection: sqlite3.Connection) -> frozenset[tuple[str, ...]]:
    rows = connection.execute(
        "SELECT type, name, tbl_name, coalesce(sql, '') FROM sqlite_schema WHERE name NOT GLOB 'sqlite_stat*'"
    )
    return frozenset((kind, name, table, _words(sql)) for kind, name, table, sql in rows)


def _words(sql: str) -> str:
    """Without comments and line breaks, which mean nothing."""
    return " ".join(re.sub(r"--[^\n]*", "", sql).split())


@cache
def _expected(version: int) -> frozenset[tuple[str, ...]]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    try:
        make_schema(connection, version)
        return _schema(connection)
    finally:
        connection.close()


def _demand(condition: bool) -> None:
    if not condition:
        raise ValueError


def _anything(record: Record) -> None:
    pass


def _session(record: Record) -> None:
    session = from_row(tuple(record))
    session.row()
    _demand(1 <= session.node <= NODE_MAX and 0 <= session.downlink <= GIVEN_MAX)
    _demand(0 <= session.expected < _MAX and 0 <= session.base < _MAX)
    for window in session.windows:
        _demand(-1 <= window.top <= COUNTER_MAX and window.mask < 1 << 64)
    for first, end in session.received + session.given_up:
        _demand(0 <= first < end < _MAX)
    if session.status is not None:
        msgspec.json.decode(session.status, type=dict[str, int | None])
    if session.alarms is not None:
        _alarms.decode(session.alarms)


def _platform(record: Record) -> None:
    _, cursor, *more = record
    _demand(isinstance(cursor, int) and 0 <= cursor < _MAX)
    for first, end in _intervals.decode(str(more[0])) if more else ():
        _demand(0 <= first < end < _MAX)


def _downlink(record: Record) -> None:
    settings, command = record[2], record[4]
    order = order_of(None if settings is None else str(settings), None if command is None else str(command))
    _demand(bool(order.settings) is not bool(order.command))
    order.text()


def _mark(record: Record) -> None:
    packed = record[1]
    _demand(isinstance(packed, bytes))
    unpack(bytes(packed))


def _kept(record: Record) -> None:
    key, value = record
    if _NUMBERS.fullmatch(str(key)):
        _demand(int(bytes(value)) >= 0)


def _node(record: Record) -> None:
    _demand(isinstance(record[0], int) and 1 <= record[0] <= NODE_MAX)


def _node_key(record: Record) -> None:
    _node(record)
    _demand(all(not begins or COUNTER_MAX < begins <= GIVEN_MAX for begins in record[4:]))


def _sample(record: Record) -> None:
    _values.decode(str(record[5]))
    if record[6] is not None:
        _alarms.decode(str(record[6]))


def _retired_key(record: Record) -> None:
    fingerprint, node, _, retired_s = record
    _demand(isinstance(fingerprint, bytes) and 1 <= node <= NODE_MAX and retired_s >= 0)


def _quarantine(record: Record) -> None:
    number, node, heard_s, *texts, frame = record
    _demand(number >= 1 and 0 <= node <= NODE_MAX and heard_s >= 0 and isinstance(frame, bytes))
    _demand(all(isinstance(text, str) for text in texts))


_CHECKS: dict[str, Callable[[Record], None]] = {
    "node": _node,
    "node_key": _node_key,
    "session": _session,
    "platform": _platform,
    "downlink": _downlink,
    "rotation": _node,
    "mark": _mark,
    "kept": _kept,
    "sample": _sample,
    "retired_key": _retired_key,
    "quarantine": _quarantine,
}
CHECKED = frozenset(_CHECKS)  # every table of the schema; a test holds the migrations to it
