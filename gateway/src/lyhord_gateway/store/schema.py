"""Opening the database file: modes, schema and migrations."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib import resources
from pathlib import Path

from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.support.errors import UserError

_BUSY_S = 5.0
_LOG_BYTES = 16 << 20  # what a checkpoint leaves of the write-ahead log's file


def migrations() -> list[str]:
    """The numbered SQL files in order; migration n takes `user_version` from n − 1 to n."""
    folder = resources.files("lyhord_gateway.store") / "migrations"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".sql")), key=lambda f: f.name)
    return [file.read_text(encoding="utf-8") for file in files]


def open_store(path: Path, create: bool = True) -> sqlite3.Connection:
    """A connection in autocommit mode to a store of this version's schema, migrated if need be.

    The file holds the nodes' keys: mode 0600, in a folder of mode 0700. Raises UserError if the store
    is missing (create=False), cannot be opened, or was written by a newer version.
    """
    if not create and not path.exists():
        raise UserError(f"{path}: expected a store; has the gateway run with this configuration yet?")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise UserError(f"{path}: cannot be opened ({error.strerror})") from error
    try:
        return _prepared(path)
    except sqlite3.DatabaseError as error:
        raise UserError(f"{path}: cannot be used as a store ({error})") from error


def connect(path: Path) -> sqlite3.Connection:
    """A plain connection to an existing store; commits reach the disk before they return."""
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    with _closed_on_error(connection):
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        # What a statement of many rows may have to take back: SQLite makes a file for it, in every commit.
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA journal_size_limit = {_LOG_BYTES}")
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    """A connection that cannot change anything: the process of the gateway has one that can, the writer's."""
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def _prepared(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    with _closed_on_error(connection):
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # counts only while the file is empty
        connection.execute("PRAGMA journal_mode = WAL")
        _migrate(path, connection)
    return connection


@contextmanager
def _closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    with ExitStack() as fault:
        fault.callback(connection.close)
        yield
        fault.pop_all()


def _migrate(path: Path, connection: sqlite3.Connection) -> None:
    steps = migrations()
    if _version(connection) == len(steps):
        return
    with transaction(connection):
        version = _version(connection)  # another process may have been faster
        if version > len(steps):
            raise UserError(
                f"{path}: expected schema {len(steps)} or older, a newer version wrote schema {version}"
            )
        make_schema(connection, len(steps), version)


def make_schema(connection: sqlite3.Connection, version: int, since: int = 0) -> None:
    """Applies the migrations from `since` to `version`, within the caller's transaction if there is one."""
    for step in migrations()[since:version]:
        for statement in _statements(step):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version = {version}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _statements(script: str) -> list[str]:
    """Single statements: executescript() would commit the transaction that holds them together."""
    found = []
    statement = ""
    for line in script.splitlines():
        statement += line + "\n"
        if sqlite3.complete_statement(statement):
            found.append(statement)
            statement = ""
    return found
