"""Many rows in one SQL statement.

executemany() gives the interpreter lock away and takes it back for every row, which under load costs
up to a switch interval each time; one statement with many rows does it once.
"""

import sqlite3
from collections.abc import Sequence

_CHUNKS = (250, 50, 10, 1)  # few different sizes, so that sqlite3 keeps the compiled statements


class RowWriter:
    """Inserts rows of `width` columns; `head` is the statement up to VALUES, `tail` what follows the rows."""

    def __init__(self, head: str, width: int, tail: str = "") -> None:
        self._width = width
        row = "(" + ",".join("?" * width) + ")"
        self._statements = {size: f"{head} VALUES {','.join([row] * size)} {tail}" for size in _CHUNKS}

    def insert(self, connection: sqlite3.Connection, columns: Sequence[object]) -> None:
        """columns: those of all rows, one row after the other."""
        at = 0
        for size, statement in self._statements.items():
            step = size * self._width
            while len(columns) - at >= step:
                connection.execute(statement, columns[at : at + step])
                at += step
