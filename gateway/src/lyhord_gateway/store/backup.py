"""Copies of the store: out of a running gateway, and back into a stopped one.

A store that goes back in time has forgotten which downlink counters it gave out since; one that came twice
under a key would give the key away (RFC 3610 section 5). So `restore` leaves out more of them than can
have been used.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from lyhord_gateway.store.recovery.promises import LEFT_OUT_UNKNOWN, agree, leave_out, owed, promised
from lyhord_gateway.store.recovery.witness import path_of
from lyhord_gateway.store.schema import connect, open_store
from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.support.errors import UserError
from lyhord_wire.frame import COUNTER_MAX

_BESIDE = "beside"  # row of `kept`, in copies only
_PAGES = 256  # copied at a time; frames are stored in between
_ANSWERS_PER_S = 1  # that a node may have had since the copy was made


@dataclass(frozen=True, slots=True)
class Restored:
    """heard_s: when the newest frame in the copy was heard (Unix seconds), if any was. left_out: downlink
    counters per node. used_up: nodes that have none left and need a new key. aside: the store before.
    beside: as it was given to `back_up`, if it was."""

    nodes: int
    readings: int
    heard_s: int | None
    left_out: int
    used_up: int
    aside: Path | None
    beside: bytes | None = field(default=None, repr=False)


def back_up(
    path: Path, target: Path, progress: Callable[[int, int], None], beside: bytes | None = None
) -> None:
    """Copies the store, also while the gateway runs, into a new file of mode 0600: it holds the keys.
    progress: pages left, pages in all. beside: a secret that is kept outside of the store and belongs to the
    copy; `restore` gives it back. Raises UserError; what it has begun is then removed."""
    if not path.exists():
        raise UserError(f"{path}: expected a store; has the gateway run with this configuration yet?")
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise UserError(f"{target}: expected the name of a new file ({error.strerror})") from error
    whole = False
    try:
        _copy(path, target, progress, beside)
        whole = True
    except sqlite3.DatabaseError as error:
        raise UserError(f"{target}: the store cannot be copied ({error})") from error
    finally:
        if not whole:  # Ctrl-C is a reason too
            _remove(target)


def _copy(path: Path, target: Path, progress: Callable[[int, int], None], beside: bytes | None) -> None:
    source, copy = connect(path), connect(target)
    try:
        source.execute("BEGIN")  # all of one moment: else every commit would make the copy begin anew
        source.execute("SELECT count(*) FROM platform").fetchone()
        source.backup(copy, pages=_PAGES, progress=lambda _, left, total: progress(left, total))
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, and no other beside it
        if beside is not None:
            with transaction(copy):
                copy.execute("INSERT OR REPLACE INTO kept (key, value) VALUES (?, ?)", (_BESIDE, beside))
        _check(target, copy)
    finally:
        copy.close()
        source.close()


def restore(backup: Path, path: Path, now_s: float) -> Restored:
    """Puts a copy in the place of the store, which is set aside. The caller holds the store's lock. `backup`
    may be the store itself, if the whole disk was restored. Raises UserError; then nothing has changed."""
    fresh = path.with_suffix(".restored.db")
    _remove(fresh)
    try:
        for tail in ("", "-wal"):
            if not tail or _with(backup, tail).exists():
                _private_copy(_with(backup, tail), _with(fresh, tail))
        _check(backup, connect(fresh))
        restored = _prepare(fresh, path, now_s)
    except (OSError, sqlite3.DatabaseError) as error:
        _remove(fresh)
        why = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{backup}: cannot be restored ({why})") from error
    except UserError:
        _remove(fresh)
        raise
    return _replace(path, fresh, restored, now_s)


def _check(name: Path, connection: sqlite3.Connection) -> None:
    try:
        word = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    finally:
        connection.close()
    if word != "ok":
        raise UserError(f"{name}: expected a sound store, found {' '.join(word.split())}")


def _prepare(fresh: Path, path: Path, now_s: float) -> Restored:
    connection = open_store(fresh)  # migrates an older copy, refuses a newer one
    try:
        (nodes,) = connection.execute("SELECT count(*) FROM node").fetchone()
        (readings,) = connection.execute("SELECT count(*) FROM sample").fetchone()
        (heard_s,) = connection.execute("SELECT max(heard_s) FROM session").fetchone()
        left_out = max(
            LEFT_OUT_UNKNOWN,
            int(now_s - heard_s) * _ANSWERS_PER_S if heard_s else 0,
            owed(path, promised(connection)[0]),  # what the witness of the store that was here says
        )
        row = connection.execute("SELECT value FROM kept WHERE key = ?", (_BESIDE,)).fetchone()
        beside = None if row is None else bytes(row[0])
        with transaction(connection):
            connection.execute("DELETE FROM kept WHERE key = ?", (_BESIDE,))
            leave_out(connection, left_out)
        (used_up,) = connection.execute(
            "SELECT count(*) FROM (SELECT 1 FROM session JOIN node_key USING (node) GROUP BY node "
            "HAVING min(downlink - begins) > ?)",
            (COUNTER_MAX,),
        ).fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
    return Restored(nodes, readings, heard_s, left_out, used_up, None, beside)


def _replace(path: Path, fresh: Path, restored: Restored, now_s: float) -> Restored:
    folder = path.parent.stat()
    if os.geteuid() == 0:  # root restores for the user whose folder it is
        os.chown(fresh, folder.st_uid, folder.st_gid)
    aside = None
    if path.exists():
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
        aside = path.with_name(f"{path.stem}.replaced-{stamp}.db")
        for tail in ("-wal", "-shm", ""):
            if _with(path, tail).exists():
                _with(path, tail).rename(_with(aside, tail))
    fresh.rename(path)
    connection = connect(path)
    try:
        agree(path, connection)
    finally:
        connection.close()
    if os.geteuid() == 0:
        os.chown(path_of(path), folder.st_uid, folder.st_gid)
    return replace(restored, aside=aside)


def _private_copy(path: Path, target: Path) -> None:
    """A copy that nobody but its owner can read at any moment."""
    with (
        path.open("rb") as source,
        open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as copy,
    ):
        shutil.copyfileobj(source, copy)


def _with(path: Path, tail: str) -> Path:
    return path.with_name(path.name + tail)


def _remove(path: Path) -> None:
    for tail in ("", "-wal", "-shm"):
        _with(path, tail).unlink(missing_ok=True)
