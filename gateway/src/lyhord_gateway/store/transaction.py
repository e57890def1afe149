"""Transactions: what belongs together is durable together."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commits at the end; whatever is raised within, or by the commit itself, leaves nothing behind.

    For connections in autocommit mode. Nobody else writes from the beginning on.
    """
    connection.execute("BEGIN IMMEDIATE")
    with connection:  # rolls back only what SQLite has not: a ROLLBACK of ours would hide a full disk
        yield
