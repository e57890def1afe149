"""All of it, or nothing, and the error that was the cause."""

import sqlite3
from pathlib import Path

import pytest

from lyhord_gateway.store.schema import open_store
from lyhord_gateway.store.transaction import transaction


@pytest.fixture
def connection(tmp_path: Path):
    connection = open_store(tmp_path / "lyhord.db")
    yield connection
    connection.close()


def nodes(connection: sqlite3.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT id FROM node")]


def test_what_fails_leaves_nothing_behind(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        connection.execute("INSERT INTO node (id) VALUES (1)")
    with pytest.raises(KeyboardInterrupt), transaction(connection):
        connection.execute("INSERT INTO node (id) VALUES (2)")
        raise KeyboardInterrupt
    assert not connection.in_transaction
    assert nodes(connection) == [1]


def test_an_error_that_ended_the_transaction_is_the_one_that_is_raised(
    connection: sqlite3.Connection,
) -> None:
    """SQLite rolls back by itself after some errors: a full disk, an input or output error, and this one."""
    with pytest.raises(sqlite3.IntegrityError, match="UNIQUE"), transaction(connection):
        connection.execute("INSERT INTO node (id) VALUES (1)")
        connection.execute("INSERT OR ROLLBACK INTO node (id) VALUES (1)")
    assert nodes(connection) == []


def test_a_commit_that_fails_leaves_nothing_behind(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE of_node (node REFERENCES node (id) DEFERRABLE INITIALLY DEFERRED)")
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"), transaction(connection):
        connection.execute("INSERT INTO of_node VALUES (7)")
    assert not connection.in_transaction
    with transaction(connection):
        connection.execute("INSERT INTO node (id) VALUES (3)")
    assert nodes(connection) == [3]
