"""The registry's files: nodes as JSON Lines, in with their keys, out without, or with them if asked to."""

import sqlite3
import time
from collections.abc import Collection, Iterable, Sequence
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from lyhord_gateway.fleet.admission import admit, check_lines, forget_removed, remember_removed, removed
from lyhord_gateway.model.reading import node_of, node_text
from lyhord_gateway.store.keyring import begin_life, enter_key, retire_keys
from lyhord_gateway.store.reader import Listed
from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.support.errors import UnknownNode, UserError
from lyhord_wire.outside import NotText, one_line, text_of
from lyhord_wire.tables import PROFILES

NAME_MAX = 64  # characters
PROFILE_KEYS = {name: key for key, name in PROFILES.items()}


class NodeLine(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, kw_only=True):
    """One line of `nodes import` and `nodes export`.

    generation: of the key; the air tells only even from odd, so a node has at most two keys at a time.
    Places in degrees, distances in millimetres; created: when the node was provisioned, as text.
    mac: of its board, as a technician's fleet file has it; it is taken and not kept.
    """

    id: str
    key: Annotated[str, Meta(pattern=r"^[0-9a-fA-F]{32}$")] | None = None
    generation: Annotated[int, Meta(ge=0, le=255)] = 0
    name: Annotated[str, Meta(max_length=NAME_MAX)] | None = None
    profile: str | None = None
    board: str | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    empty_distance_mm: Annotated[int, Meta(ge=0, le=20_000)] | None = None
    full_distance_mm: Annotated[int, Meta(ge=0, le=20_000)] | None = None
    firmware: str | None = None
    enabled: bool | None = None
    created: Annotated[str, Meta(max_length=32)] | None = None
    mac: Annotated[str, Meta(pattern=r"^[0-9a-f]{12}$")] | None = None

    def __repr__(self) -> str:
        return f"NodeLine(id={self.id!r})"  # never the key


_decoder = msgspec.json.Decoder(NodeLine)


def parse_lines(where: str, lines: Iterable[bytes]) -> list[tuple[int, NodeLine]]:
    """(node id, line) of every line that is not empty; raises UserError naming file and line."""
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            text = text_of(line).strip()
            if not text:
                continue
            node = _decoder.decode(text)
        except (msgspec.DecodeError, UnicodeDecodeError, NotText) as error:
            raise UserError(f"{where}:{number}: {error}") from error
        if (known := node_of(node.id)) is None:
            raise UserError(f"{where}:{number}: id: expected six hexadecimal digits, 000001…ffffff")
        if node.profile is not None and node.profile not in PROFILE_KEYS:
            raise UserError(f"{where}:{number}: profile: expected {' or '.join(PROFILE_KEYS)}")
        found.append((known, node))
    return found


def import_checked(
    connection: sqlite3.Connection,
    nodes: Sequence[tuple[int, NodeLine]],
    new_devices: Collection[int] = (),
    check_only: bool = False,
) -> int:
    """Enters what people bring, in one transaction, or nothing of it. How many lines.

    new_devices: ids that another device gets. check_only: nothing is entered. Raises UserError for what
    `admission` refuses.
    """
    check_lines((node, line.generation, key_of(line)) for node, line in nodes)
    keys = [(node, line.generation, key) for node, line in nodes if (key := key_of(line)) is not None]
    with transaction(connection):
        admit(connection, keys, new_devices)
        if not check_only:
            for node in new_devices:
                begin_life(connection, node, int(time.time()))
                forget_removed(connection, node)
            for node, line in nodes:
                enter(connection, node, line)
    return len(nodes)


def import_nodes(connection: sqlite3.Connection, nodes: Iterable[tuple[int, NodeLine]]) -> int:
    """Enters nodes and keys as they are told, in one transaction: a registry that a program makes. What
    people bring goes through `import_checked`. What a line leaves out stays as it is. How many lines.

    A key that differs from the one before begins its counters anew, so its replay window does too.
    """
    count = 0
    with transaction(connection):
        for node, line in nodes:
            enter(connection, node, line)
            count += 1
    return count


def key_of(line: NodeLine) -> bytes | None:
    return None if line.key is None else bytes.fromhex(line.key)


def unknown_only(
    connection: sqlite3.Connection, nodes: Iterable[tuple[int, NodeLine]]
) -> list[tuple[int, NodeLine]]:
    """The lines of nodes that are not in the registry, and were not removed from it."""
    known = {int(row[0]) for row in connection.execute("SELECT id FROM node")} | {*removed(connection)}
    return [(node, line) for node, line in nodes if node not in known]


def enter(connection: sqlite3.Connection, node: int, line: NodeLine, fresh_key: bool = False) -> None:
    """Enters one line within the caller's transaction. fresh_key: see `keyring.enter_key`."""
    connection.execute("INSERT INTO node (id) VALUES (?) ON CONFLICT DO NOTHING", (node,))
    columns: dict[str, object | None] = {
        "name": one_line(line.name) or None if line.name else None,
        "profile": None if line.profile is None else PROFILE_KEYS[line.profile],
        "board": one_line(line.board) or None if line.board else None,
        "created": one_line(line.created) or None if line.created else None,
        "latitude_e6": None if line.latitude is None else round(line.latitude * 1_000_000),
        "longitude_e6": None if line.longitude is None else round(line.longitude * 1_000_000),
        "empty_mm": line.empty_distance_mm,
        "full_mm": line.full_distance_mm,
        "enabled": None if line.enabled is None else int(line.enabled),
    }
    for column, value in columns.items():
        if value is not None:
            connection.execute(f"UPDATE node SET {column} = ? WHERE id = ?", (value, node))  # noqa: S608
    if (key := key_of(line)) is not None:
        enter_key(connection, node, line.generation, key, int(time.time()), fresh_key)


def set_enabled(connection: sqlite3.Connection, node: int, enabled: bool) -> None:
    """Raises UserError if there is no such node."""
    cursor = connection.execute("UPDATE node SET enabled = ? WHERE id = ?", (int(enabled), node))
    if not cursor.rowcount:
        raise UnknownNode(node)


def remove(connection: sqlite3.Connection, node: int) -> None:
    """Takes a node, its keys and its orders out of the registry; its readings stay, and its id is not given
    again. Raises UserError if there is no such node."""
    with transaction(connection):
        retire_keys(connection, node, int(time.time()))
        if not connection.execute("DELETE FROM node WHERE id = ?", (node,)).rowcount:
            raise UnknownNode(node)
        remember_removed(connection, node)


def export_line(node: Listed) -> str:
    """The node as `nodes import` takes it, without its keys."""
    return msgspec.json.encode(_line(node)).decode()


def export_lines_with_keys(node: Listed, keys: Sequence[tuple[int, bytes]]) -> list[str]:
    """One line per key, (generation, key), so that `nodes import` enters all of them."""
    line = _line(node)
    return [
        msgspec.json.encode(msgspec.structs.replace(line, key=key.hex(), generation=generation)).decode()
        for generation, key in keys
    ] or [export_line(node)]


def _line(node: Listed) -> NodeLine:
    facts = node.facts
    return NodeLine(
        id=node_text(facts.node),
        name=facts.name,
        profile=facts.profile_name,
        board=facts.board,
        latitude=facts.latitude,
        longitude=facts.longitude,
        empty_distance_mm=facts.empty_mm,
        full_distance_mm=facts.full_mm,
        firmware=facts.version,
        enabled=node.enabled,
        created=node.created,
    )
