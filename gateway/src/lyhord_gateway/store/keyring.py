"""Keys of nodes in the store: the only module that writes `node_key`, so that no key goes unremembered.

    the same device   key 0 ──enter_key──▶ key 1 ──▶ …                     sample numbers go on
    another device    key 0 ──begin_life──▶ no key ──enter_key──▶ key 1    numbers begin where we know nothing

A key that was replaced or taken back is retired for ever: a recorded frame under it is never taken again.
Everything here works within a transaction of the caller.
"""

import sqlite3
from collections.abc import Iterable

from lyhord_gateway.model.cipher import fingerprint
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.store import rotation
from lyhord_gateway.store.about import forget_about
from lyhord_gateway.store.rotation import Rotation
from lyhord_gateway.store.session import load_session, save_session
from lyhord_gateway.support.errors import UserError
from lyhord_wire.frame import COUNTER_MAX


def is_retired(connection: sqlite3.Connection, key: bytes) -> bool:
    """True if this key was in force once and was replaced or taken back, whatever node it belonged to."""
    found = connection.execute("SELECT 1 FROM retired_key WHERE fingerprint = ?", (fingerprint(key),))
    return found.fetchone() is not None


def enter_key(
    connection: sqlite3.Connection, node: int, generation: int, key: bytes, now_s: int, fresh: bool = False
) -> None:
    """Puts a key of the same device in force; one of the same parity before it is retired. Its replay window
    begins anew. Raises UserError for a key that is retired.

    fresh: the key was made in this very transaction, so nothing was ever sealed with it. If the node's count
    of downlink counters is beyond what a key has, those of the new key begin at 0. An older store into which
    the same key is imported cannot meet them: there the key's counter is the whole count, and is used up.
    """
    if is_retired(connection, key):
        raise UserError(f"{node_text(node)}: expected another key, this one was retired")
    parity = generation & 1
    row = connection.execute(
        "SELECT key FROM node_key WHERE node = ? AND parity = ?", (node, parity)
    ).fetchone()
    new = row is None or bytes(row[0]) != key
    if new:
        retire_keys(connection, node, now_s, parities=(parity,))
    if not new:
        connection.execute(
            "UPDATE node_key SET generation = ? WHERE node = ? AND parity = ?", (generation, node, parity)
        )
    else:
        connection.execute(
            "INSERT INTO node_key (node, parity, generation, key, begins) VALUES (?1, ?2, ?3, ?4, "
            "iif(?5, coalesce((SELECT downlink FROM session WHERE node = ?1 AND downlink > ?6), 0), 0))",
            (node, parity, generation, key, fresh, COUNTER_MAX),
        )
        connection.execute(
            f"UPDATE session SET top{parity} = -1, mask{parity} = zeroblob(8), latest{parity} = x'' "  # noqa: S608
            "WHERE node = ?",
            (node,),
        )
        rotation.begin(connection, node, generation, now_s)


def retire_keys(
    connection: sqlite3.Connection, node: int, now_s: int, parities: Iterable[int] = (0, 1)
) -> None:
    """Takes keys of a node out of force and remembers them as retired."""
    for parity in parities:
        rows = connection.execute(
            "DELETE FROM node_key WHERE node = ? AND parity = ? RETURNING generation, key", (node, parity)
        ).fetchall()
        for generation, key in rows:
            connection.execute(
                "INSERT OR IGNORE INTO retired_key VALUES (?, ?, ?, ?)",
                (fingerprint(bytes(key)), node, generation, now_s),
            )


def retire_older(connection: sqlite3.Connection, changes: Iterable[Rotation], now_s: int) -> None:
    """Takes the older keys of these changes out of force."""
    for change in changes:
        retire_keys(connection, change.node, now_s, parities=(1 - change.generation % 2,))
        rotation.done(connection, change)


def begin_life(connection: sqlite3.Connection, node: int, now_s: int) -> int:
    """Gives a node's id to another device; `enter_key` gives it its key afterwards, in the same transaction.
    Returns the number here of the new device's first sample.

    All keys of the old device are retired, and what is missing of its samples is given up: nobody has them.
    The new device counts from 0 on; the gateway adds the number from which it knows nothing. So no
    acknowledgement of old samples can be taken for one of new samples, and no platform sees a number twice.
    Orders that wait were meant for the old device and are cancelled.
    """
    retire_keys(connection, node, now_s)
    forget_about(connection, node)
    connection.execute("DELETE FROM rotation WHERE node = ?", (node,))
    connection.execute(
        "UPDATE downlink SET state = 'cancelled', open = 0, changed_s = ? WHERE node = ? AND open = 1",
        (now_s, node),
    )
    session = load_session(connection, node)
    (end,) = connection.execute(
        "SELECT coalesce(max(seq) + 1, 0) FROM sample WHERE node = ?", (node,)
    ).fetchone()
    session.begin_at(max(end, session.expected, *(last for _, last in session.received)))
    save_session(connection, session)
    return session.base
