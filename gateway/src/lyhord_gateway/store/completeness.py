"""The sample number a node had reached at a time, for the completeness of the last day and week.

A mark is (span, seq): the lowest number among the samples of that span of four hours. All of a node's marks
are one small value: eight bytes each, oldest first.
"""

import sqlite3
import struct

from lyhord_gateway.model import intervals
from lyhord_gateway.model.work import SampleRow
from lyhord_gateway.store.rows import RowWriter
from lyhord_gateway.store.session import Session

SPAN_S = 14_400
DAY_S = 86_400
WEEK_S = 7 * DAY_S

_MARKS_MAX = WEEK_S // SPAN_S + 2
_MARK = struct.Struct(">II")
_FLUSH_S = 60
_U32 = 1 << 32
_MARKS = RowWriter("INSERT OR REPLACE INTO mark (node, marks)", 2)


class Marks:
    """The writer's side. Nobody else writes the table, so what is in memory stays true."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._newest: dict[int, int] = {}  # node → span of its newest mark
        self._packed: dict[int, bytes] = {}
        self._dirty: set[int] = set()
        self._written: set[int] = set()
        self._flushed_s = 0

    def note(self, node: int, samples: tuple[SampleRow, ...], heard_s: int) -> None:
        """Takes note of new samples, ascending. Those of a clock that is a day ahead count for nothing."""
        span = -1
        for sample in samples:
            if sample.time_s // SPAN_S != span:
                span = sample.time_s // SPAN_S
                if self._newest.get(node) != span and _packs(span, sample.seq, heard_s):
                    self._mark(node, span, sample.seq)

    def _mark(self, node: int, span: int, seq: int) -> None:
        packed = self._packed.get(node)
        if packed is None:
            row = self._connection.execute("SELECT marks FROM mark WHERE node = ?", (node,)).fetchone()
            packed = b"" if row is None else bytes(row[0])
        if not packed or span > newest_span(packed):
            packed += _MARK.pack(span, seq)
        else:
            marks = dict(unpack(packed))
            if marks.get(span, seq + 1) <= seq:
                return
            marks[span] = seq
            packed = b"".join(_MARK.pack(*mark) for mark in sorted(marks.items()))
        self._packed[node] = packed[-_MARKS_MAX * _MARK.size :]
        self._newest[node] = newest_span(packed)
        self._dirty.add(node)

    def flush(self, now_s: int) -> None:
        """Writes what has changed, once a minute: what a crash takes is set again by the next sample."""
        if not self._dirty or abs(now_s - self._flushed_s) < _FLUSH_S:
            return
        columns = [column for node in self._dirty for column in (node, self._packed[node])]
        _MARKS.insert(self._connection, columns)
        self._flushed_s = now_s
        self._written, self._dirty = self._dirty, set()

    def rolled_back(self) -> None:
        """The last transaction did not come to pass."""
        self._dirty |= self._written
        self._written = set()
        self._flushed_s = 0


def _packs(span: int, seq: int, heard_s: int) -> bool:
    """True for what a mark can hold and a clock that is right can bring."""
    return 0 <= span <= (heard_s + DAY_S) // SPAN_S < _U32 and 0 <= seq < _U32


def unpack(packed: bytes) -> list[tuple[int, int]]:
    """(span, seq), oldest first."""
    return list(_MARK.iter_unpack(packed))


def newest_span(packed: bytes) -> int:
    return int(_MARK.unpack(packed[-_MARK.size :])[0])


def completeness(session: Session, packed: bytes, since_s: int) -> tuple[int, int] | None:
    """(received, expected) of the samples taken since then, rounded down to a span. Expected are the numbers
    up to the newest one that the node is known to have taken. None if it is known to have taken none."""
    spans = since_s // SPAN_S
    first = min((seq for span, seq in unpack(packed) if span >= spans), default=session.expected)
    expected = session.expected - first
    if expected <= 0:
        return None
    received = intervals.within(session.received, first, session.expected)
    return received - intervals.within(session.given_up, first, session.expected), expected
