"""Many rows in one SQL statement.

executemany() gives the interpreter lock away and takes it back for every row, which under load costs
up to a switch interval each time; one statement with many rows does it once.
"""

import sqlite3
from collections.abc import Sequence
from itertools import chain

_CHUNKS = (250, 50, 10, 1)  # few different sizes, so that sqlite3 keeps the compiled statements


class RowWriter:
    """Inserts rows of `width` columns; `head` is the statement up to VALUES, `tail` what follows the rows."""

    def __init__(self, head: str, width: int, tail: str = "") -> None:
        row = "(" + ",".join("?" * width) + ")"
        self._statements = {size: f"{head} VALUES {','.join([row] * size)} {tail}" for size in _CHUNKS}

    def insert(self, connection: sqlite3.Connection, rows: Sequence[tuple[object, ...]]) -> None:
        at = 0
        for size, statement in self._statements.items():
            while len(rows) - at >= size:
                chunk = rows[at : at + size]
                connection.execute(statement, list(chain.from_iterable(chunk)))
                at += size
