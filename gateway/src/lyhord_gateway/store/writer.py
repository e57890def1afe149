"""The single writer: a thread that owns the writing connection and commits in groups.

                 submit()                 group: whatever waits,        one transaction,
    event loop ───────────▶ bounded queue ──────────────────────▶ apply ──────────────────▶ fsync
         ◀───────────────────────── done(answer) after the commit ────────────────────────────┘

While one commit is on its way to the disk the next group gathers, so the group grows with the load.

A group that meets an exception which is neither the disk's nor damage is halved until the one piece of work
stands alone that brings it: that piece is rejected, counted, its frame quarantined; all others are stored.
"""

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lyhord_gateway.model.work import (
    FAULT,
    LASTING,
    NOT_STORED,
    BetterReception,
    DownlinkAborted,
    Fate,
    Keep,
    Outcome,
    Quarantine,
    Retransmission,
    UplinkRecord,
    Work,
)
from lyhord_gateway.store.apply import Applied, Applier
from lyhord_gateway.store.disk import name_of, passes
from lyhord_gateway.store.published import Published
from lyhord_gateway.store.recovery.presence import Presence, file_of
from lyhord_gateway.store.recovery.promises import open_witness, promised
from lyhord_gateway.store.recovery.recover import damage_in
from lyhord_gateway.store.recovery.witness import Witness
from lyhord_gateway.store.retention import FULL, HELD, UP, Pruned, Retention
from lyhord_gateway.support.errors import StoreMoved
from lyhord_gateway.support.log_rate_limit import LogRateLimit, more

_log = logging.getLogger(__name__)

_GROUP_MAX = 500  # pieces of work in one transaction: larger ones cost memory
_IDLE_S = 0.5  # how often the thread looks for changes by another process while nothing arrives
_PAUSE_S = 0.2  # after a refused commit: a full disk does not get emptier by asking faster
_ADMIN_ROOM = 1000  # cursors and kept values find room even when frames fill the queue
_LAST_TRIES = 5  # at a stop, while the disk takes nothing

_NO_ROOM = {
    FULL: "full of undelivered readings, frames are refused until some are delivered",
    HELD: "somebody reads an old state of it, frames are refused until that ends",
}

_PROBE = Keep("store.probe", b"")
_FRAMES = (UplinkRecord, Retransmission)

Done = Callable[[Outcome], None]
Group = list[tuple[Work, Done | None]]


@dataclass(frozen=True, slots=True)
class Events:
    """Events that the writer tells the rest, always on the event loop's thread.

    committed(high): the newest arrival number is durable. counted: counters of the last group.
    changed(nodes): the registry rows of these nodes changed; None: another process changed anything.
    state(word): "up", "full" (of undelivered readings), "held" (by a reader) or SQLite's name of the error
    that keeps the store from taking anything. committing(s): how long a commit took. dropped(low):
    readings up to this arrival number are gone, delivered or not.
    """

    committed: Callable[[int], None]
    counted: Callable[[Counter[str]], None]
    changed: Callable[[set[int] | None], None]
    state: Callable[[str], object] = lambda _: None
    committing: Callable[[float], None] = lambda _: None
    dropped: Callable[[int], None] = lambda _: None


class Writer:
    """Owns `connection` from `start()` to the end of `run()`.

    commit_ms: longest time a lone piece of work waits for company. queue_frames: bound of the queue.
    published: what platforms were sent and must not change.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        retention: Retention,
        events: Events,
        queue_frames: int,
        commit_ms: int,
        published: Published,
    ) -> None:
        self._connection = connection
        self._retention = retention
        self._events = events
        self._published = published
        self._queue_frames = queue_frames
        self._commit_s = commit_ms / 1000
        self._queue: Group = []
        self._wake = threading.Condition()
        self._closing = False
        self._data_version = -1
        self._loop = asyncio.get_running_loop()
        self._finished: asyncio.Future[None] = self._loop.create_future()
        self._witness: Witness
        self._presence: Presence
        self._last_tries = _LAST_TRIES
        self._state = UP
        self._refusing = False
        self._limit = LogRateLimit()
        self.room = asyncio.Event()  # set while sources may go on; see `submit`
        self.room.set()

    # ---- event loop's side ----

    def submit(self, work: Work, done: Done | None = None) -> bool:
        """Queues `work`; False if the queue is full or closing, and then nothing else happens.

        done(outcome) is called on the event loop after the commit, or when that was refused. What is LASTING
        is tried until the disk takes it."""
        frames = isinstance(work, _FRAMES)
        with self._wake:
            bound = self._queue_frames if frames else self._queue_frames + _ADMIN_ROOM
            # There are no more of what was not sent than of answers.
            full = len(self._queue) >= bound and not isinstance(work, DownlinkAborted)
            if self._closing or full:
                return False
            self._queue.append((work, done))
            waiting = len(self._queue)
            if waiting == 1:
                self._wake.notify()
        if waiting > self._queue_frames * 3 // 4:
            self.room.clear()
        return True

    async def run(self) -> None:
        """Runs the thread until cancelled; then commits what is queued, calls back, and returns.

        Raises whatever kills the thread: a writer that is dead must end the process.
        """
        thread = threading.Thread(target=self._main, name="store-writer", daemon=True)
        thread.start()
        try:
            await asyncio.shield(self._finished)
        except asyncio.CancelledError:
            self.close()
            await self._finished
            raise
        finally:
            thread.join()

    def close(self) -> None:
        """Takes no more work; `run` returns when the queue is empty."""
        with self._wake:
            self._closing = True
            self._wake.notify()

    # ---- the thread's side ----

    def _main(self) -> None:
        failure: BaseException | None = None
        try:
            self._witness = open_witness(file_of(self._connection), self._connection)
            self._presence = Presence(self._connection)
            self._work_until_closed()
            self._witness.close(*promised(self._connection))
        except BaseException as error:  # noqa: BLE001 — handed to the event loop, which raises it
            failure = error
        finally:
            self._connection.close()
        self._loop.call_soon_threadsafe(self._finish, failure)

    def _finish(self, failure: BaseException | None) -> None:
        if failure is None:
            self._finished.set_result(None)
        else:
            self._finished.set_exception(failure)

    def _work_until_closed(self) -> None:
        applier = Applier(self._connection, self._published)
        self._look_for_foreign_changes(applier)
        while True:
            self._presence.check()
            group = self._take()
            if group is None:
                return
            if not group and self._refusing:
                group = [(_PROBE, None)]  # nothing comes that would show that the disk takes data again
            if group:
                self._commit(applier, group)
            else:
                self._look_for_foreign_changes(applier)
            try:
                pruned = self._retention.prune(self._connection, time.time(), idle=not group)
            except sqlite3.OperationalError as error:
                if not passes(error):
                    raise
                self._refused(error, "retention")
                continue
            self._note(pruned)

    def _note(self, pruned: Pruned) -> None:
        if pruned.dropped:
            held_back = self._limit.admit("dropped", time.monotonic())
            if held_back is not None:
                _log.error("store: full, %d undelivered readings dropped%s", pruned.dropped, more(held_back))
            counts = Counter({"store.undelivered_dropped": pruned.dropped})
            self._loop.call_soon_threadsafe(self._events.counted, counts)
            self._loop.call_soon_threadsafe(self._events.dropped, pruned.low)
        if pruned.state != self._state:
            self._state = pruned.state
            if pruned.state in _NO_ROOM:
                _log.error("store: %s", _NO_ROOM[pruned.state])
            if not self._refusing:
                self._tell(pruned.state)

    def _take(self) -> Group | None:
        """The next group; an empty one if nothing came for a while, None at the end."""
        with self._wake:
            if not self._queue and not self._closing:
                self._wake.wait(_IDLE_S)
            if not self._queue:
                return None if self._closing else []
            if self._commit_s and len(self._queue) < _GROUP_MAX and not self._closing:
                self._wake.wait(self._commit_s)  # nobody notifies: a pause in which others may join
            group = self._queue[:_GROUP_MAX]
            del self._queue[:_GROUP_MAX]
            return group

    def _commit(self, applier: Applier, group: Group) -> None:
        if self._state != UP:
            group = self._turn_away(group)
        try:
            self._transact(applier, group)
        except Exception as error:
            if isinstance(error, sqlite3.OperationalError | StoreMoved) or damage_in(error) is not None:
                raise  # a table that is not there, a damaged page: nothing that a frame can bring
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            applier.forget()
            half = len(group) // 2
            if half:
                self._commit(applier, group[:half])
                self._commit(applier, group[half:])
            else:
                self._reject(applier, group, error)

    def _reject(self, applier: Applier, group: Group, error: Exception) -> None:
        """One piece of work that raises whenever it is tried. If nothing else can be written either, the
        fault is not the work's, and ends the process."""
        if not group or group[0][0] is _PROBE:
            raise error
        self._transact(applier, [(_PROBE, None)])
        (work, done), *_ = group
        held_back = self._limit.admit(FAULT, time.monotonic())
        if held_back is not None:
            kind = type(work).__name__
            _log.error("store: a bug of ours, %s is rejected%s", kind, more(held_back), exc_info=error)
        detail = f"{type(error).__name__}: {error}"
        rejected = Outcome(Fate.REJECTED, reason=FAULT, detail=detail)
        self._loop.call_soon_threadsafe(self._report_rejected, work, done, rejected)

    def _transact(self, applier: Applier, group: Group) -> None:
        """Commits a group and reports it; a disk that refuses is reported too. Raises anything else."""
        changing = any(isinstance(work, BetterReception) for work, _ in group)
        start_mono_s = time.monotonic()
        try:
            with self._published.lock if changing else contextlib.nullcontext():
                self._connection.execute("BEGIN IMMEDIATE")
                self._look_for_foreign_changes(applier)
                applied = applier.apply([work for work, _ in group])
                self._witness.reserve(applier.given)
                self._connection.execute("COMMIT")
        except (sqlite3.OperationalError, OSError) as error:
            if not passes(error):
                raise
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            applier.forget()
            self._refused(error, "commit")
            self._refusing = True
            self._tell(name_of(error))
            self._keep_lasting(group)
            self._loop.call_soon_threadsafe(self._report_failure, group)
            with self._wake:
                closing = self._closing
                self._wake.wait_for(lambda: self._closing is not closing, _PAUSE_S)
            return
        self._presence.check()  # before anything is acknowledged
        with contextlib.suppress(OSError):  # then a loss is noticed later or not; it is bounded anyway
            self._witness.note(applier.given, applier.next_id - 1)
        if self._refusing:
            self._refusing = False
            self._tell(self._state)
            _log.info("store: commits succeed again")
        self._loop.call_soon_threadsafe(
            self._report, group, applied, applier.next_id - 1, time.monotonic() - start_mono_s
        )

    def _keep_lasting(self, group: Group) -> None:
        """Puts back, in front, what nobody would repeat, through any number of refused commits; only a
        process that is to end gives up after some more tries."""
        lasting = [(work, done) for work, done in group if isinstance(work, LASTING) and work is not _PROBE]
        with self._wake:
            if self._closing:
                self._last_tries -= 1
            if self._last_tries > 0:
                self._queue[:0] = lasting
                return
        _log.error("store: the disk took nothing until the end, %d notes are lost", len(lasting))
        counts = Counter({"store.work_lost": len(lasting)})
        self._loop.call_soon_threadsafe(self._events.counted, counts)

    def _turn_away(self, group: Group) -> Group:
        refused: Group = []
        taken: Group = []
        for work, done in group:
            over = isinstance(work, UplinkRecord) and work.content.samples
            (refused if over else taken).append((work, done))
        if refused:
            self._loop.call_soon_threadsafe(self._report_failure, refused)
        return taken

    def _tell(self, state: str) -> None:
        self._loop.call_soon_threadsafe(self._events.state, state)

    def _refused(self, error: sqlite3.OperationalError | OSError, doing: str) -> None:
        held_back = self._limit.admit(name_of(error), time.monotonic())
        if held_back is not None:
            _log.error("store: %s refused: %s (%s)%s", doing, error, name_of(error), more(held_back))
        self._loop.call_soon_threadsafe(self._events.counted, Counter({f"store.{doing}_refused": 1}))

    def _look_for_foreign_changes(self, applier: Applier) -> None:
        """`data_version` changes only when another connection has committed."""
        version = self._connection.execute("PRAGMA data_version").fetchone()[0]
        if version != self._data_version:
            if self._data_version != -1:
                applier.forget()
            # At the first look too: nobody knows what was read before it.
            self._loop.call_soon_threadsafe(self._events.changed, None)
            self._data_version = version

    # ---- back on the event loop ----

    def _report(self, group: Group, applied: Applied, high: int, took_s: float) -> None:
        self._make_room()
        self._events.committing(took_s)
        self._events.counted(applied.counts)
        if applied.registry:
            self._events.changed(None)
        elif applied.about:
            self._events.changed(applied.about)
        self._events.committed(high)
        for (_, done), answer in zip(group, applied.answers, strict=True):
            if done is not None:
                self._call(done, answer)

    def _call(self, done: Done, answer: Outcome) -> None:
        """Calls the owner of one frame with its answer; a fault of one owner does not stop the others."""
        try:
            done(answer)
        except Exception:  # noqa: BLE001 — see the docstring
            self._events.counted(Counter({"store.callback_faults": 1}))
            held_back = self._limit.admit("callback", time.monotonic())
            if held_back is not None:
                _log.exception("store: a bug of ours after a commit%s", more(held_back))

    def _report_rejected(self, work: Work, done: Done | None, rejected: Outcome) -> None:
        self._make_room()
        self._events.counted(Counter({"store.work_rejected": 1}))
        if isinstance(work, UplinkRecord):
            heard = work.reception
            self.submit(
                Quarantine(
                    work.node, heard.heard_s, heard.source, rejected.reason, rejected.detail, heard.raw
                )
            )
        if done is not None:
            self._call(done, rejected)

    def _make_room(self) -> None:
        if len(self._queue) <= self._queue_frames // 2:
            self.room.set()

    def _report_failure(self, group: Group) -> None:
        self._make_room()
        frames = sum(isinstance(work, _FRAMES) for work, _ in group)
        self._events.counted(Counter({"store.frames_not_stored": frames}))
        for work, done in group:
            if done is not None and not isinstance(work, LASTING):
                self._call(done, NOT_STORED)
