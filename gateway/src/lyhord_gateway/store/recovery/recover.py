"""A damaged store: set aside, and what can still be read of it goes into a fresh one.

    lyhord.db (damaged) ──read──▶ lyhord.new.db ──rename──▶ lyhord.salvaged-<time>.db ──rename──▶ lyhord.db
         └──rename──▶ lyhord.damaged-<time>.db

From the first rename on the salvage is complete, and the next start finishes what a crash cuts off; before
it nothing has changed, and the next start begins anew.
"""

import logging
import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from lyhord_gateway.store.recovery.pages import Pages
from lyhord_gateway.store.recovery.promises import owed, settle
from lyhord_gateway.store.recovery.salvage import Salvaged, salvage
from lyhord_gateway.store.recovery.sound import bad_row, bad_schema
from lyhord_gateway.store.schema import connect, migrations, open_store
from lyhord_gateway.support.errors import StoreDamaged, UserError
from lyhord_wire.outside import one_line

_log = logging.getLogger(__name__)

# Not the file's fault: another process, its rights, the disk's room. Everything else that reading raises is
# damage; a disk that cannot be read damages a store as much as one that was overwritten.
_OTHERS = (
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
)
# What is unique by construction comes twice only where an index no longer fits its table.
_BROKEN_INDEX = (sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
_TAILS = ("-wal", "-shm", "")
_REASON_MAX = 160  # characters
_ASIDE_MAX = 3  # damaged files that are kept; older ones make room


def open_sound(path: Path, platforms: Sequence[str]) -> tuple[sqlite3.Connection, Salvaged | None]:
    """A connection to a store that has passed SQLite's quick_check, and what was salvaged if the file
    there before had not. platforms: for them readings are saved. Raises UserError like `open_store`.
    Nobody else may have the store open.

    Reads the whole file: half a minute per GiB from an SD card with 40 MB/s.
    """
    _finish(path)
    unclean = _has_wal(path)
    damage = _damage(path)
    if damage is None:
        return _settled(path, unclean), None
    _log.error("store: %s is damaged (%s), saving what can be read", path, damage)
    salvaged = _refill(path, platforms)
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    _fresh(path).rename(path.with_name(f"{path.stem}.salvaged-{stamp}.db"))
    _sync(path.parent)
    _finish(path)
    _log.error("store: fresh store with %s", salvaged.line())
    if salvaged.without_key:
        _log.error(
            "store: %d nodes have lost their keys with their counters; give them new keys",
            salvaged.without_key,
        )
    return _settled(path, unclean=False), salvaged


def _settled(path: Path, unclean: bool) -> sqlite3.Connection:
    connection = open_store(path)
    try:
        settle(path, connection, unclean)
    except BaseException:
        connection.close()
        raise
    return connection


def damage_in(error: BaseException) -> str | None:
    """The damage to the store that an error of the running gateway tells of; None if it tells of none."""
    if isinstance(error, BaseExceptionGroup):
        return next((damage for part in error.exceptions if (damage := damage_in(part))), None)
    if isinstance(error, StoreDamaged):
        return str(error)
    if isinstance(error, sqlite3.OperationalError) and not hasattr(error, "sqlite_errorcode"):
        return str(error)  # Python's own: a text that is none
    code = getattr(error, "sqlite_errorcode", 0) if isinstance(error, sqlite3.DatabaseError) else 0
    found = code in _BROKEN_INDEX or code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return str(error) if found else None


def mark_damaged(path: Path, reason: str) -> None:
    """Makes the next `open_sound` recover the store, whatever quick_check says of it then."""
    _mark(path).write_text(reason)


def _fresh(path: Path) -> Path:
    return path.with_suffix(".new.db")


def _mark(path: Path) -> Path:
    return path.with_suffix(".damage")


def _has_wal(path: Path) -> bool:
    """After a clean stop there is none."""
    wal = path.with_name(path.name + "-wal")
    return wal.exists() and wal.stat().st_size > 0


def _finish(path: Path) -> None:
    """Puts a complete salvage into the place of the damaged store, if there is one."""
    for salvaged in path.parent.glob(f"{path.stem}.salvaged-*.db"):
        aside = salvaged.with_name(salvaged.name.replace("salvaged", "damaged"))
        for tail in _TAILS:
            if (old := path.with_name(path.name + tail)).exists():
                old.rename(aside.with_name(aside.name + tail))
        _mark(path).unlink(missing_ok=True)
        salvaged.rename(path)
        _sync(path.parent)
        _log.error("store: damaged file set aside as %s", aside)
        for old in sorted(path.parent.glob(f"{path.stem}.damaged-*.db"))[:-_ASIDE_MAX]:
            _remove(old)


def _damage(path: Path) -> str | None:
    """The damage of the store, None if it is sound or not there."""
    if not path.exists() or not path.stat().st_size:
        return "empty, beside its write-ahead log" if _has_wal(path) else None
    pages = Pages(path)
    pages.close()
    newer = pages.version > len(migrations())
    if _mark(path).exists() and not newer:
        return _mark(path).read_text(errors="replace") or "marked so"
    if pages.wal_overlooked and not newer:
        return "a hole in the write-ahead log"
    try:
        connection = connect(path)
        try:
            return _found(connection, newer)
        finally:
            connection.close()
    except Exception as error:
        # Whatever reading raises, it raises at every start: but for what is not the file's fault, it is
        # damage.
        if getattr(error, "sqlite_errorcode", -1) & 0xFF in _OTHERS or isinstance(error, OSError):
            raise UserError(f"{path}: cannot be used as a store ({error})") from error
        # In one line: some name the text that they could not read.
        return one_line(f"{type(error).__name__}: {error}")[:_REASON_MAX]


def _found(connection: sqlite3.Connection, newer: bool) -> str | None:
    if newer:  # not ours to judge, but for its number: `open_store` refuses it
        return bad_schema(connection)
    word = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    if word != "ok":
        return " ".join(word.split())
    damage = bad_schema(connection)
    if damage is None and connection.execute("PRAGMA user_version").fetchone()[0]:
        damage = bad_row(connection)
    return damage


def _refill(path: Path, platforms: Sequence[str]) -> Salvaged:
    fresh = _fresh(path)
    _remove(fresh)
    target = open_store(fresh)
    try:
        path.touch(0o600)
        source = Pages(path)
        try:
            salvaged = salvage(source, target, platforms, lambda given: owed(path, given))
        finally:
            source.close()
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        raise UserError(f"{fresh}: a damaged store cannot be copied ({error})") from error
    finally:
        target.close()
    return salvaged


def _remove(path: Path) -> None:
    for tail in _TAILS:
        path.with_name(path.name + tail).unlink(missing_ok=True)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
