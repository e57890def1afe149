"""One batch of work becomes one transaction.

A sample is stored once, whatever happens: its number is looked up in the node's received ranges, which
are written in the same transaction as the samples.
"""

import logging
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from msgspec import structs

from lyhord_gateway.model import intervals
from lyhord_gateway.model.cipher import fingerprint
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.model.work import (
    NOT_STORED,
    NOTHING,
    STORED,
    BetterReception,
    Change,
    Committed,
    Delivered,
    DownlinkAborted,
    Fate,
    Keep,
    Outcome,
    Quarantine,
    Retransmission,
    SampleRow,
    UplinkRecord,
    Work,
    generation_of,
)
from lyhord_gateway.store import rotation
from lyhord_gateway.store.about import enter_about
from lyhord_gateway.store.completeness import Marks
from lyhord_gateway.store.delivered import NEWEST, deliver
from lyhord_gateway.store.downlinks.dispatch import Queues
from lyhord_gateway.store.downlinks.gap_requests import GapRequests
from lyhord_gateway.store.published import Published
from lyhord_gateway.store.quarantine import hold
from lyhord_gateway.store.recovery.promises import promised
from lyhord_gateway.store.renumber import plausible_end, renumber
from lyhord_gateway.store.rows import RowWriter
from lyhord_gateway.store.session import COLUMNS, GAPS_MAX, JUMP_MAX, WIDTH, Session, load_session
from lyhord_gateway.support.errors import UserError
from lyhord_wire.refusal import IMPLAUSIBLE

_log = logging.getLogger(__name__)

_SAMPLES = RowWriter(
    'INSERT INTO sample (id, node, seq, time_s, heard_s, "values", alarms, rssi_dbm, snr_q4, source, '
    "backlog)",
    11,
)
_STORED = Fate.STORED  # a plain name, as Python 3.11 looks an enum's member up in 0.2 µs
_SESSIONS = RowWriter(f"INSERT OR REPLACE INTO session ({COLUMNS})", WIDTH)


_Keys = tuple[bytes, bytes, int, int]  # b"" where there is no key


@dataclass(slots=True)
class Applied:
    """The outcome of a batch: one answer per piece of work, and the counts."""

    answers: list[Outcome] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    about: set[int] = field(default_factory=set)  # nodes that have told of themselves
    registry: bool = False  # a change may have made nodes or keys others


class Applier:
    """Applies batches within a transaction that the caller opens and commits.

    next_id: the arrival number of the next sample. given: downlink counters that all nodes together have been
    given; the caller reserves them (`witness.py`) before it commits. After a rollback, call `forget()`.
    """

    def __init__(self, connection: sqlite3.Connection, published: Published) -> None:
        self._connection = connection
        self._published = published
        self._queues = Queues(connection)
        self._gap_requests = GapRequests()
        self._marks = Marks(connection)
        self._sessions: dict[int, Session] = {}
        # Of each node, by parity of the generation: the key's fingerprint, and where its counters begin.
        self._keys: dict[int, _Keys] = {}
        self._dirty: dict[int, Session] = {}
        self._rows: list[object] = []  # columns of the samples, see `RowWriter`
        self._heard_s = 0  # of the newest frame
        self.next_id = 1
        self.given = 0
        self.forget()

    def forget(self) -> None:
        """Drops everything that is remembered; the database says how things are."""
        self._marks.rolled_back()
        self._sessions.clear()
        self._keys.clear()
        self._dirty.clear()
        self._rows.clear()
        self._queues.forget()
        # Never an arrival number twice, though the newest rows may be gone: a platform had them.
        self.given, high = promised(self._connection)
        self.next_id = high + 1

    def apply(self, batch: Sequence[Work]) -> Applied:
        applied = Applied()
        for work in batch:
            answer = STORED
            match work:
                case UplinkRecord():
                    answer = NOT_STORED
                    if self._in_force(work.node, work.frame.generation, work.frame.key, applied):
                        answer = self._uplink_record(work, applied)
                case Retransmission():
                    answer = NOT_STORED
                    generation = generation_of(work.uplink)
                    if self._in_force(work.node, generation, work.key, applied):
                        session = self._session(work.node)
                        answer = self._answer(
                            session, applied, generation, work.uplink, work.heard_s, work.sf
                        )
                case BetterReception():
                    if self._in_force(work.node, work.generation, work.key, applied):
                        self._flush()
                        self._better(work)
                case Delivered():
                    deliver(self._connection, work.platform, work.first, work.end)
                case DownlinkAborted():
                    self._queues.aborted(work)
                case Quarantine():
                    hold(self._connection, work)
                    applied.counts["store.quarantined"] += 1
                case Change():
                    answer = Outcome(Fate.STORED, value=self._change(work))
                    applied.registry = applied.registry or work.registry
                case Keep(value=None):
                    self._connection.execute("DELETE FROM kept WHERE key = ?", (work.key,))
                case Keep():
                    self._connection.execute(
                        "INSERT OR REPLACE INTO kept (key, value) VALUES (?, ?)", (work.key, work.value)
                    )
            applied.answers.append(answer)
        self._flush()
        for counts in (self._queues.counts, self._gap_requests.counts):
            applied.counts += counts
            counts.clear()
        return applied

    def _flush(self) -> None:
        self._marks.flush(self._heard_s)
        _SAMPLES.insert(self._connection, self._rows)
        sessions: list[object] = []
        for session in self._dirty.values():
            sessions += session.row()
        _SESSIONS.insert(self._connection, sessions)
        self._rows.clear()
        self._dirty.clear()

    def _session(self, node: int) -> Session:
        session = self._sessions.get(node)
        if session is None:
            session = self._sessions[node] = load_session(self._connection, node)
            if not session.heard_s:  # it may not be in the table yet: `given` is the sum over that
                self.given += session.downlink - self._downlink_of(node)
        self._dirty[node] = session
        return session

    def _change(self, change: Change) -> object:
        self._flush()
        self._connection.execute("SAVEPOINT change")
        try:
            answer = change.run(self._connection)
        except UserError as fault:
            self._connection.execute("ROLLBACK TO change")
            answer = fault
        self._connection.execute("RELEASE change")
        self._sessions.clear()
        self._keys.clear()
        self._queues.forget()
        return answer

    def _in_force(self, node: int, generation: int, key: bytes, applied: Applied) -> bool:
        """False for what was opened with a key that was replaced meanwhile: its numbers and its window say
        nothing about the device that has the id now."""
        keys = self._keys.get(node)
        if keys is None:
            fingerprints, begin = [b"", b""], [0, 0]
            for parity, known, begins in self._connection.execute(
                "SELECT parity, key, begins FROM node_key WHERE node = ?", (node,)
            ):
                told = fingerprint(bytes(known))
                fingerprints[parity] = key if told == key else told  # not the same bytes twice in memory
                begin[parity] = begins
            keys = self._keys[node] = fingerprints[0], fingerprints[1], begin[0], begin[1]
        if keys[generation] == key:
            return True
        applied.counts["store.key_replaced"] += 1
        return False

    def _downlink_of(self, node: int) -> int:
        row = self._connection.execute("SELECT downlink FROM session WHERE node = ?", (node,)).fetchone()
        return 0 if row is None else int(row[0])

    def _uplink_record(self, record: UplinkRecord, applied: Applied) -> Outcome:
        session = self._session(record.node)
        if session.base:
            record = _moved(record, session.base)
        frame, content, heard_s = record.frame, record.content, record.reception.heard_s
        if session.expected - content.next_seq > JUMP_MAX and content.about is None:
            self._distrust(session, record, applied)
        if not session.reaches(content.next_seq, heard_s):
            return Outcome(
                Fate.REJECTED,
                reason=IMPLAUSIBLE,
                detail=f"sample numbers up to {content.next_seq - 1}, {session.expected} were known; "
                f"expected less than {session.reach(heard_s)}",
            )
        if session.windows[frame.generation].top < 0:
            rotation.heard(self._connection, record.node, frame.generation, heard_s)
        session.note(record)
        self._marks.note(record.node, content.samples, heard_s)
        self._heard_s = heard_s
        samples = content.samples
        if samples and (not session.received or samples[0].seq >= session.received[-1][1]):
            # Younger than all there is, as nearly always: none can be known, none is backlog.
            intervals.add(session.received, samples[0].seq, samples[-1].seq + 1)
            self._keep(record, samples, 0)
            applied.counts["store.samples"] += len(samples)
            samples = ()
        for sample in samples:
            if intervals.contains(session.received, sample.seq):
                if not intervals.contains(session.given_up, sample.seq):
                    applied.counts["store.sample_known"] += 1
                    continue
                # Given up, and here it is after all.
                intervals.remove(session.given_up, sample.seq)
                applied.counts["store.given_up_arrived"] += 1
            newest = session.received[-1][1] if session.received else 0
            intervals.add(session.received, sample.seq, sample.seq + 1)
            self._keep(record, (sample,), int(sample.seq < newest))
            applied.counts["store.samples"] += 1
        lost = session.give_up_below(content.oldest) if content.oldest is not None else 0
        if len(session.received) > GAPS_MAX:
            lost += session.bound_gaps()
        if lost:
            applied.counts["store.given_up"] += lost
        if content.about:
            enter_about(self._connection, record.node, content.about)
        if content.about or content.status:
            applied.about.add(record.node)
        applied.counts["store.frames"] += 1
        if (content.status or content.about) and record.node in self._queues:
            self._queues.heard(record)
        if not record.ack:
            return _stored(session)
        # To an older frame nobody listens for an answer any more.
        uplink = frame.uplink if frame.newest else None
        return self._answer(session, applied, frame.generation, uplink, heard_s, record.reception.sf)

    def _distrust(self, session: Session, record: UplinkRecord, applied: Applied) -> None:
        """A node that has just got a new key and is far behind the numbers we believe in: those came from
        whoever had the old one."""
        change = rotation.rotation(self._connection, session.node)
        if change is None or change.generation % 2 != record.frame.generation:
            return
        self._flush()
        end = plausible_end(self._connection, session)
        if end == session.base:  # no sample of it is kept any more
            end = record.content.next_seq - len(record.content.samples)
        if end < session.expected:
            removed = renumber(self._connection, session, end)
            _log.warning(
                "node %s: numbers from %d on came under its old key and are forgotten, %d samples among them",
                node_text(session.node),
                end,
                removed,
            )
            applied.counts["store.renumbered"] += 1
        self._dirty[session.node] = session

    def _keep(self, record: UplinkRecord, samples: Sequence[SampleRow], backlog: int) -> None:
        node, heard = record.node, record.reception
        for number, sample in enumerate(samples, start=self.next_id):
            self._rows += (
                number,
                node,
                sample.seq,
                sample.time_s,
                heard.heard_s,
                sample.values,
                sample.alarms,
                heard.rssi_dbm,
                heard.snr_q4,
                heard.source,
                backlog,
            )
        self.next_id += len(samples)

    def _answer(
        self,
        session: Session,
        applied: Applied,
        generation: int,
        uplink: int | None,
        heard_s: int,
        sf: int | None,
    ) -> Outcome:
        """generation: of the key that seals the answer; uplink: to be answered, None if nobody listens any
        more; heard_s, sf: of its reception."""
        _, _, *begins = self._keys[session.node]
        downlink = session.take_downlink(begins[generation])
        if downlink is None:
            applied.counts["store.downlinks_used_up"] += 1
            return _stored(session)
        self.given += 1
        resend = self._gap_requests.next(session, uplink, sf, heard_s)
        orders = NOTHING
        if uplink is not None and session.node in self._queues:
            orders = self._queues.next(session.node, uplink, heard_s)
        if resend is not None:
            resend = resend[0] - session.base, resend[1]
        return Outcome(_STORED, Committed(session.stored_by_node, resend, downlink, orders))

    def _better(self, better: BetterReception) -> None:
        first = better.first + self._session(better.node).base
        # Only what no platform has seen: a reading that is sent twice must be the same twice.
        self._connection.execute(
            "UPDATE sample SET source = ?, rssi_dbm = ?, snr_q4 = ? WHERE node = ? AND seq >= ? AND seq < ? "  # noqa: S608
            f"AND id > max(?, {NEWEST}) AND coalesce(rssi_dbm, -999) < ?",
            (
                better.source,
                better.rssi_dbm,
                better.snr_q4,
                better.node,
                first,
                first + better.count,
                self._published.high,
                better.rssi_dbm,
            ),
        )


def _stored(session: Session) -> Outcome:
    """No answer is due, or none is possible."""
    return Outcome(_STORED, Committed(session.stored_by_node, None, None))


def _moved(record: UplinkRecord, base: int) -> UplinkRecord:
    """With the numbers that this device's samples have here."""
    content = record.content
    moved = structs.replace(
        content,
        samples=tuple(structs.replace(sample, seq=sample.seq + base) for sample in content.samples),
        next_seq=content.next_seq + base,
        oldest=None if content.oldest is None else content.oldest + base,
    )
    return structs.replace(record, content=moved)
