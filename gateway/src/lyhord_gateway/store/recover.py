"""A damaged store: set aside, and what can still be read of it goes into a fresh one.

    lyhord.db (damaged) ──read──▶ lyhord.new.db ──rename──▶ lyhord.db
         └──rename──▶ lyhord.damaged-<time>.db

Until the renames nothing has changed, so a crash on the way only means that the next start begins anew.
"""

import logging
import os
import sqlite3
import time
from pathlib import Path

from lyhord_gateway.faults import UserFault
from lyhord_gateway.store.salvage import Salvaged, salvage
from lyhord_gateway.store.schema import connect, open_store

_log = logging.getLogger(__name__)

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_sound(path: Path) -> tuple[sqlite3.Connection, Salvaged | None]:
    """A connection to a store that has passed SQLite's quick_check, and what was salvaged if the file
    there before had not. Raises UserFault like `open_store`. Nobody else may have the store open.

    Reads the whole file: about 10 s per GiB on an SD card.
    """
    fresh = path.with_suffix(".new.db")
    if fresh.exists() and not path.exists():
        fresh.rename(path)  # the last step of a recovery that was cut off
    damage = _damage(path)
    if damage is None:
        return open_store(path), None
    _log.error("store: %s is damaged (%s), saving what can be read", path, damage)
    aside = _free_name(path)
    salvaged = _refill(path, fresh)
    for tail in ("-wal", "-shm", ""):
        if (old := path.with_name(path.name + tail)).exists():
            old.rename(aside.with_name(aside.name + tail))
    fresh.rename(path)
    _sync(path.parent)
    _log.error("store: damaged file set aside as %s; fresh store with %s", aside, salvaged.line())
    if salvaged.without_key:
        _log.error(
            "store: %d nodes have lost their keys with their counters; give them new keys",
            salvaged.without_key,
        )
    return open_store(path), salvaged


def _damage(path: Path) -> str | None:
    """What is wrong with the file, None if it is sound or not there."""
    if not path.exists():
        return None
    try:
        connection = connect(path)
        try:
            word = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF not in _DAMAGED:
            raise UserFault(f"{path}: cannot be used as a store ({error})") from error
        return str(error)
    return None if word == "ok" else " ".join(word.split())


def _refill(path: Path, fresh: Path) -> Salvaged:
    for tail in ("", "-wal", "-shm"):
        fresh.with_name(fresh.name + tail).unlink(missing_ok=True)
    target = open_store(fresh)
    try:
        source = sqlite3.connect(path, isolation_level=None)
        try:
            salvaged = salvage(source, target)
        finally:
            source.close()
        target.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.OperationalError as error:
        raise UserFault(f"{fresh}: a damaged store cannot be copied ({error})") from error
    finally:
        target.close()
    return salvaged


def _free_name(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    names = (
        path.with_name(f"{path.stem}.damaged-{stamp}{more}.db")
        for more in ("", *map("-{}".format, range(99)))
    )
    return next(name for name in names if not name.exists())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
