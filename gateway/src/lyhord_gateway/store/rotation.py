"""Nodes whose key is being changed: two keys are good, until the node was heard with the newer one and a
grace period has passed."""

import sqlite3
from dataclasses import dataclass

GRACE_S = 7 * 86_400
_GENERATIONS = 256  # a node keeps its key's generation in one byte; frames carry its lowest bit


@dataclass(frozen=True, slots=True)
class Rotation:
    """generation: of the newer key; made_s, heard_s: when it was entered and first heard, Unix seconds."""

    node: int
    generation: int
    made_s: int
    heard_s: int | None


def next_generation(generation: int) -> int:
    return (generation + 1) % _GENERATIONS


def generations(connection: sqlite3.Connection, node: int) -> list[int] | None:
    """Generations with a key, the newer one last; None if there is no such node."""
    if connection.execute("SELECT 1 FROM node WHERE id = ?", (node,)).fetchone() is None:
        return None
    found = [
        int(row[0])
        for row in connection.execute(
            "SELECT generation FROM node_key WHERE node = ? ORDER BY generation", (node,)
        )
    ]
    if len(found) == 2 and next_generation(found[1]) == found[0]:  # 255 and 0
        found.reverse()
    return found


def begin(connection: sqlite3.Connection, node: int, generation: int, now_s: int) -> None:
    """Notes that this key is new; one that is a node's only key changes nothing."""
    known = generations(connection, node) or []
    if len(known) == 2 and known[-1] == generation:
        connection.execute(
            "INSERT OR REPLACE INTO rotation (node, generation, made_s) VALUES (?, ?, ?)",
            (node, generation, now_s),
        )
    else:
        connection.execute("DELETE FROM rotation WHERE node = ?", (node,))


def rotation(connection: sqlite3.Connection, node: int) -> Rotation | None:
    """The change that is under way for this node."""
    row = connection.execute(
        "SELECT node, generation, made_s, heard_s FROM rotation WHERE node = ?", (node,)
    ).fetchone()
    return None if row is None else Rotation(*row)


def heard(connection: sqlite3.Connection, node: int, parity: int, now_s: int) -> None:
    """The first frame under a key has come."""
    connection.execute(
        "UPDATE rotation SET heard_s = ? WHERE node = ? AND generation % 2 = ? AND heard_s IS NULL",
        (now_s, node, parity),
    )


def due(connection: sqlite3.Connection, now_s: int) -> list[Rotation]:
    """Changes whose grace period is over."""
    rows = connection.execute(
        "SELECT node, generation, made_s, heard_s FROM rotation WHERE heard_s < ?", (now_s - GRACE_S,)
    )
    return [Rotation(*row) for row in rows]


def done(connection: sqlite3.Connection, change: Rotation) -> None:
    """The older key is gone, within the caller's transaction."""
    connection.execute("DELETE FROM rotation WHERE node = ?", (change.node,))
