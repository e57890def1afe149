"""Keys of nodes: made, handed over in a file of mode 0600, and changed without a lost frame.

one key ──rotate──▶ two keys, both good ──first frame under the new one──▶ grace ──▶ one key
                        └──rotate --again: another new key (its file was lost)
"""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from lyhord_gateway.fleet.admission import was_removed
from lyhord_gateway.fleet.ids import next_id
from lyhord_gateway.fleet.nodes import NodeLine, enter
from lyhord_gateway.model.cipher import KEY_SIZE
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.store.keyring import retire_older as retire_older_keys
from lyhord_gateway.store.rotation import Rotation, generations, next_generation, rotation
from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.support.errors import UnknownNode, UserError
from lyhord_gateway.support.private_file import append_private


def add(connection: sqlite3.Connection, node: int | None, line: NodeLine, file: Path) -> int:
    """Enters a new node with a new key and appends its line to `file`. Returns its id (None: the next
    one that the gateway gives). Raises UserError; then nothing was entered."""

    def entering() -> tuple[int, NodeLine]:
        taken = node
        if taken is None:
            taken = next_id(connection)
        elif connection.execute("SELECT 1 FROM node WHERE id = ?", (taken,)).fetchone():
            raise UserError(f"{node_text(taken)}: expected a node that is not in the registry yet")
        if was_removed(connection, taken):
            raise UserError(f"{node_text(taken)}: expected another id, this one was removed")
        key = os.urandom(KEY_SIZE).hex()
        return taken, msgspec.structs.replace(line, id=node_text(taken), key=key, generation=0)

    return _hand_over(connection, entering, file)


def rotate(connection: sqlite3.Connection, node: int, file: Path, again: bool) -> int:
    """Makes the key of the next generation and appends it to `file`; the old key stays good. Returns the
    generation. again: the new key of a change that has begun is replaced. Raises UserError."""
    new = 0

    def entering() -> tuple[int, NodeLine]:
        nonlocal new
        known = generations(connection, node)
        if known is None:
            raise UnknownNode(node)
        under_way = rotation(connection, node)
        if under_way is None:
            new = next_generation(known[-1]) if known else 0
        elif again and under_way.heard_s is None:
            new = under_way.generation
        else:
            raise UserError(_why_not_now(node, under_way))
        return node, NodeLine(id=node_text(node), key=os.urandom(KEY_SIZE).hex(), generation=new)

    _hand_over(connection, entering, file)
    return new


def _why_not_now(node: int, under_way: Rotation) -> str:
    if under_way.heard_s is None:
        return (
            f"{node_text(node)}: the change to generation {under_way.generation} waits for the node; "
            "--again makes another new key"
        )
    return f"{node_text(node)}: expected the older key to be retired before the next change"


def retire_older(connection: sqlite3.Connection, node: int) -> int:
    """Takes the older key back, now. Returns the generation that stays. Raises UserError if there is no
    older one, or if the node was not heard with the newer one yet."""
    under_way = rotation(connection, node)
    if under_way is None:
        raise UserError(f"{node_text(node)}: expected a node with two keys")
    if under_way.heard_s is None:
        raise UserError(
            f"{node_text(node)}: expected a frame under generation {under_way.generation} first, the node "
            "may still use the older key"
        )
    with transaction(connection):
        retire_older_keys(connection, [under_way], int(time.time()))
    return under_way.generation


def _hand_over(
    connection: sqlite3.Connection, entering: Callable[[], tuple[int, NodeLine]], file: Path
) -> int:
    """The file first, then the commit: a key that nobody has must never be in the registry."""
    with transaction(connection):
        node, line = entering()
        enter(connection, node, line, fresh_key=True)
        append_private(file, [msgspec.json.encode(line).decode()])
    return node
