"""The newest frames that their nodes have sealed and that were refused all the same, for a person to look at.

A ring: a frame more than ROWS_MAX pushes the oldest out. What cannot be written is counted and left out, as
a quarantine must never cost what stands beside it.
"""

import sqlite3
from dataclasses import dataclass

from lyhord_gateway.model.work import Quarantine
from lyhord_wire.outside import printable

ROWS_MAX = 256
_DETAIL_MAX = 200  # characters


@dataclass(frozen=True, slots=True)
class Held:
    """number: grows with every frame; heard_s: Unix seconds; frame: as it was heard, sealed."""

    number: int
    node: int
    heard_s: int
    source: str
    reason: str
    detail: str
    frame: bytes


def hold(connection: sqlite3.Connection, work: Quarantine) -> None:
    """Enters a frame within the caller's transaction."""
    cursor = connection.execute(
        "INSERT INTO quarantine (node, heard_s, source, reason, detail, frame) VALUES (?, ?, ?, ?, ?, ?)",
        (work.node, work.heard_s, work.source, work.reason, printable(work.detail)[:_DETAIL_MAX], work.raw),
    )
    connection.execute("DELETE FROM quarantine WHERE number <= ?", ((cursor.lastrowid or 0) - ROWS_MAX,))


def held(connection: sqlite3.Connection) -> list[Held]:
    """All that is kept, the newest first."""
    rows = connection.execute(
        "SELECT number, node, heard_s, source, reason, detail, frame FROM quarantine ORDER BY number DESC"
    )
    return [Held(*row) for row in rows]
