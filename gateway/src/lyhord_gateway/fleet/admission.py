"""The rules by which nodes and keys enter the registry. Everything is checked before anything is changed.

    known key ─────────────────────────────────────────▶ nothing to do
    the generation after the newest, one key in force ─▶ a change of keys, as `nodes rotate` begins one
    the node has no key yet ───────────────────────────▶ entered
    everything else ───────────────────────────────────▶ refused: it would cut off a node that is in service

A registry file is a copy of the past. So an import never brings back a key that was retired, and never
replaces one that is in force; whoever puts a new device in the place of an old one says so by its id.
"""

import sqlite3
from collections.abc import Collection, Iterable, Sequence

from lyhord_gateway.model.cipher import KEY_SIZE
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.store.keyring import is_retired
from lyhord_gateway.store.rotation import generations, next_generation
from lyhord_gateway.support.errors import UserError

# Erased flash and empty memory read like this, and anybody can guess it.
_BLANK = (bytes(KEY_SIZE), b"\xff" * KEY_SIZE)
_REMOVED = "removed."  # and the id: a row of the table `kept`
_KEYS_MAX = 2  # the air tells only even generations from odd ones

Keyed = tuple[int, int, bytes]
"""Node, generation, key."""


def check_lines(keys: Iterable[tuple[int, int, bytes | None]]) -> None:
    """Holds the lines of one file against each other. keys: (node, generation, key or None) of every line.

    Raises UserError: a blank key, a key of two nodes, a node twice. Two neighbouring generations of one node
    are a change of keys that is under way, and may stand there.
    """
    owners: dict[bytes, int] = {}
    seen: dict[int, list[int]] = {}
    for node, generation, key in keys:
        name = node_text(node)
        before = seen.setdefault(node, [])
        neighbours = before and next_generation(before[-1]) == generation
        if before and (key is None or not neighbours or len(before) == _KEYS_MAX):
            raise UserError(f"{name}: expected one line of each node, or two with neighbouring generations")
        before.append(generation)
        if key is None:
            continue
        if key in _BLANK:
            raise UserError(f"{name}: key: expected 16 random bytes, this one is blank")
        if key in owners:
            raise UserError(f"{name}: key: expected one per node, {node_text(owners[key])} has the same")
        owners[key] = node


def admit(connection: sqlite3.Connection, keys: Sequence[Keyed], new_devices: Collection[int] = ()) -> None:
    """Holds keys against the registry, within the caller's transaction and before it changes anything.

    new_devices: ids that go to another device; their keys in force may be replaced. Raises UserError.
    """
    for node in new_devices:
        if not any(node == one for one, _, _ in keys):
            raise UserError(f"--replace {node_text(node)}: expected a line with its new key")
    found: dict[int, dict[int, bytes]] = {}
    for node, generation, key in keys:
        other = connection.execute(
            "SELECT node FROM node_key WHERE key = ? AND node != ?", (key, node)
        ).fetchone()
        if other is not None:
            raise UserError(
                f"{node_text(node)}: key: expected one per node, {node_text(other[0])} has the same"
            )
        if is_retired(connection, key):
            raise UserError(f"{node_text(node)}: key: expected another, this one was retired")
        if node in new_devices:
            if (node, generation, key) in _in_force(connection, node):
                raise UserError(f"--replace {node_text(node)}: expected a new key, this one is in force")
            continue
        if was_removed(connection, node):
            raise UserError(
                f"{node_text(node)}: expected another id, this one was removed from the registry; "
                f"--replace {node_text(node)} gives it to a new device"
            )
        known = found.setdefault(node, {old: same for _, old, same in _in_force(connection, node)})
        if known.get(generation) != key:
            _admit_key(node, generation, key, known)
            known[generation] = key


def _admit_key(node: int, generation: int, key: bytes, known: dict[int, bytes]) -> None:
    """known: generation → key, the newer one last."""
    name = node_text(node)
    if not known:
        return
    if key in known.values():
        raise UserError(f"{name}: generation {generation}: expected a key that it did not have before")
    newest = [*known][-1]
    following = next_generation(newest)
    if generation == following and len(known) == 1:
        return
    if generation == following:
        raise UserError(f"{name}: expected its older key to be retired before generation {generation}")
    if generation in known:
        raise UserError(
            f"{name}: has another key of generation {generation}, a node in service would be cut off; "
            f"another id, or --replace {name} if it is another device"
        )
    raise UserError(
        f"{name}: expected generation {following} after {newest}, not {generation}: keys do not come back; "
        f"--replace {name} if it is another device"
    )


def _in_force(connection: sqlite3.Connection, node: int) -> list[Keyed]:
    known = dict(
        connection.execute("SELECT generation, key FROM node_key WHERE node = ?", (node,)).fetchall()
    )
    return [(node, number, bytes(known[number])) for number in generations(connection, node) or []]


def removed(connection: sqlite3.Connection) -> list[int]:
    """Ids that were in the registry once."""
    rows = connection.execute("SELECT key FROM kept WHERE key GLOB ?", (f"{_REMOVED}*",))
    return [int(key.removeprefix(_REMOVED), 16) for (key,) in rows]


def was_removed(connection: sqlite3.Connection, node: int) -> bool:
    found = connection.execute("SELECT 1 FROM kept WHERE key = ?", (_REMOVED + node_text(node),)).fetchone()
    return found is not None


def remember_removed(connection: sqlite3.Connection, node: int) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO kept (key, value) VALUES (?, x'')", (_REMOVED + node_text(node),)
    )


def forget_removed(connection: sqlite3.Connection, node: int) -> None:
    """A new device has the id."""
    connection.execute("DELETE FROM kept WHERE key = ?", (_REMOVED + node_text(node),))
