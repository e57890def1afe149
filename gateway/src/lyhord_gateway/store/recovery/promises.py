"""The store's promises, compared with its witness before anything new is promised.

    the store knows of     given ────────────┐
    the witness            reserved ─────────┴──▶ the difference may have been given out and forgotten:
                                                  every node's downlink counter goes on so much later

A counter that comes twice under one key gives the key away (RFC 3610 section 5). Counters are counted over
all nodes together: a node can have forgotten no more than all of them. That costs a node some of its 2²⁴
counters at each loss, and needs one number instead of one per node.
"""

import logging
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from lyhord_gateway.store.delivered import NEWEST
from lyhord_gateway.store.recovery.witness import BLOCK, IDENTITY, Testimony, Witness, path_of, read_testimony
from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.support.errors import UserError

_log = logging.getLogger(__name__)

LEFT_OUT_UNKNOWN = 1 << 20  # counters per node, where nobody can say how many were forgotten
GIVEN_MAX = (1 << 40) - 1  # counters of one node, under all its keys: no number that is ever reached
LEFT_OUT_UNCLEAN = 64  # after a stop that was none: a disk may have claimed more than it had written

_IDENTITY = "store.identity"  # rows of `kept`
_FLOOR = "store.downlink_floor"  # where a node begins that the store has no session of
_HEAD = "store.head"  # the newest arrival number when readings were last removed by hand
LOSS = "store.loss"


@dataclass(frozen=True, slots=True)
class Loss:
    """at_s: Unix seconds when it was noticed. text: one line for people."""

    at_s: int
    text: str


def promised(connection: sqlite3.Connection) -> tuple[int, int]:
    """(downlink counters given to all nodes together, newest arrival number), as the store says."""
    (given,) = connection.execute("SELECT coalesce(sum(downlink), 0) FROM session").fetchone()
    (high,) = connection.execute(
        f"SELECT max(coalesce((SELECT max(id) FROM sample), 0), {NEWEST})"  # noqa: S608
    ).fetchone()
    kept = _kept(connection, _HEAD)
    return int(given), max(int(high), int(kept) if kept else 0)


def keep_high(connection: sqlite3.Connection) -> None:
    """Before the newest readings are removed on purpose: their arrival numbers are not given again, and
    nobody takes it for a loss. Within the caller's transaction."""
    _keep(connection, _HEAD, str(promised(connection)[1]).encode())


def downlink_floor(connection: sqlite3.Connection) -> int:
    """The first downlink counter of a node that the store has no session of: it may have had one."""
    found = _kept(connection, _FLOOR)
    return int(found) if found else 0


def loss(connection: sqlite3.Connection) -> Loss | None:
    """The newest loss that was noticed at a start."""
    found = _kept(connection, LOSS)
    if found is None:
        return None
    at_s, _, text = found.decode(errors="replace").partition(" ")
    return Loss(int(at_s) if at_s.isdigit() else 0, text)


def settle(path: Path, connection: sqlite3.Connection, unclean: bool) -> None:
    """Leaves out what the store may have forgotten, says it, and makes store and witness agree.

    unclean: there was a write-ahead log, so the last stop was none. Nobody else may have the store open.
    Raises UserError if the disk takes nothing: nothing is given out then.
    """
    said = read_testimony(path)
    identity = _kept(connection, _IDENTITY)
    forgotten, text = _forgotten(path, connection, said, identity)
    least = LEFT_OUT_UNCLEAN if unclean or (said is not None and said.running) else 0
    if text:
        _log.error("store: %s; %d downlink counters of each node are left out", text, max(least, forgotten))
    agree(path, connection, max(least, forgotten), text)


def owed(path: Path, given: int) -> int:
    """The most counters per node that a store which knows of `given` may have forgotten."""
    said = read_testimony(path)
    return 0 if said is None else max(0, _bound(said) - given)


def agree(path: Path, connection: sqlite3.Connection, left_out: int = 0, text: str = "") -> None:
    """Leaves out so many counters of each node, and writes a witness that fits this store. Raises
    UserError."""
    try:
        identity = _kept(connection, _IDENTITY) or os.urandom(IDENTITY)
        with transaction(connection):
            if left_out:
                leave_out(connection, left_out)
            _keep(connection, _IDENTITY, identity)
            if text:
                _keep(connection, LOSS, f"{int(time.time())} {text}".encode())
        given, high = promised(connection)
        Witness(path, identity, given, high, running=False).close(given, high)
    except (sqlite3.OperationalError, OSError) as error:
        raise UserError(f"{path}: cannot be written ({error})") from error


def open_witness(path: Path, connection: sqlite3.Connection) -> Witness:
    """The witness for a process that is going to promise more. Raises UserError or OSError."""
    given, high = promised(connection)
    identity = _kept(connection, _IDENTITY)
    if identity is None:
        agree(path, connection)
        identity = _kept(connection, _IDENTITY) or b""
    return Witness(path, identity, given, high)


def leave_out(connection: sqlite3.Connection, number: int) -> None:
    """Skips downlink counters of every node, also of those that are not heard yet; within the caller's
    transaction."""
    # Without a bound of its own: where a key's counters begin is counted on the same scale.
    connection.execute("UPDATE session SET downlink = min(downlink + ?, ?)", (number, GIVEN_MAX))
    _keep(connection, _FLOOR, str(min(downlink_floor(connection) + number, GIVEN_MAX)).encode())


def _forgotten(
    path: Path, connection: sqlite3.Connection, said: Testimony | None, identity: bytes | None
) -> tuple[int, str]:
    """(counters per node that may be forgotten, what to say of it; empty if nothing is amiss)."""
    given, high = promised(connection)
    if said is None:
        if identity is None:
            return 0, ""  # a new store, or one from before there were witnesses
        word = "is damaged" if path_of(path).exists() else "is gone"
        return LEFT_OUT_UNKNOWN, f"the witness beside it ({path_of(path).name}) {word}, it may be an old copy"
    if identity is not None and identity != said.identity:
        return LEFT_OUT_UNKNOWN, "the witness beside it is another store's, it may be an old copy"
    forgotten = max(0, _bound(said) - given)
    readings, answers = max(0, said.high - high), max(0, said.given - given)
    if identity is None and said.reserved:
        return forgotten, f"it is empty, but {said.high} readings were stored and {said.given} answers given"
    if readings or answers or (forgotten and not said.running and said.whole):
        return forgotten, (
            f"{readings} readings and {answers} answers that were committed are not in it: "
            "its write-ahead log was lost, or an older copy was put in its place"
        )
    return forgotten, ""


def _bound(said: Testimony) -> int:
    """One copy may be a block older than the other, and a commit goes beyond the block before it."""
    return said.reserved if said.whole else said.reserved + 2 * BLOCK


def _kept(connection: sqlite3.Connection, key: str) -> bytes | None:
    row = connection.execute("SELECT value FROM kept WHERE key = ?", (key,)).fetchone()
    return None if row is None else bytes(row[0])


def _keep(connection: sqlite3.Connection, key: str, value: bytes) -> None:
    connection.execute("INSERT OR REPLACE INTO kept (key, value) VALUES (?, ?)", (key, value))
