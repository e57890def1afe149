"""The errors of a disk, told from a bug and from a damaged store."""

import errno
import sqlite3

# The disk is full, slow or broken, or another process is in a long transaction: that may pass. Anything
# else is a bug or a damaged store and ends the process.
_PASSES = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
}


def passes(error: sqlite3.OperationalError | OSError) -> bool:
    """True if the same may succeed later."""
    return isinstance(error, OSError) or getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSES


def name_of(error: sqlite3.OperationalError | OSError) -> str:
    """SQLite's or the system's name of an error."""
    if isinstance(error, OSError):
        return errno.errorcode.get(error.errno or 0, "OSError")
    return str(error.sqlite_errorname)
