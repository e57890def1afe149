"""Are the files that an open store works on still those of its folder?

SQLite goes on happily in a log that somebody has deleted: every commit succeeds, and nothing of it is there
after the process has ended. As long as the process holds the deleted log open, it can still be saved.
"""

import os
import sqlite3
import time
from pathlib import Path

from lyhord_gateway.support.errors import StoreMoved

_File = tuple[int, int]  # device, inode


def file_of(connection: sqlite3.Connection) -> Path:
    """The database file of a connection."""
    (file,) = connection.execute("SELECT file FROM pragma_database_list WHERE name = 'main'").fetchone()
    return Path(file)


class Presence:
    """Looks after the files of `connection`, which has been read from."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._path = file_of(connection)
        self._log = self._path.with_name(self._path.name + "-wal")
        self._files: tuple[_File | None, _File | None] | None = None

    def check(self) -> None:
        """Costs two stat calls. Raises StoreMoved if a file is gone or another one; what was committed is
        then saved, as far as its place still exists, and nothing more may be promised."""
        files = _file(self._path), _file(self._log)
        if self._files is None or None in self._files:
            self._files = files
        elif files != self._files:
            self._save(store_gone=files[0] != self._files[0])

    def _save(self, store_gone: bool) -> None:
        if not store_gone:
            busy, _, _ = self._connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
            how = "what was committed may be incomplete" if busy else "what was committed is saved"
            raise StoreMoved(f"{self._log} was deleted or replaced while the gateway ran; {how}")
        if self._path.exists():
            raise StoreMoved(f"{self._path} was replaced while the gateway ran")
        # The next start puts a complete copy of this name in place, see `recover.py`.
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        copy = self._path.with_name(f"{self._path.stem}.salvaged-{stamp}.db")
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            self._connection.execute("VACUUM INTO ?", (str(copy),))
        except sqlite3.Error:
            copy.unlink()
            raise
        raise StoreMoved(f"{self._path} was deleted while the gateway ran; what was committed is saved")


def _file(path: Path) -> _File | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
