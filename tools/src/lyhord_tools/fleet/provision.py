"""Provisioning: a node gets its identity over the console, the registry (and the gateway) get the same.

    what was typed ─▶ registry file and gateway: is the id free, the key new? ─▶ the node: would it take the
    settings? ─▶ settings saved ─▶ line in the registry ─▶ identity ─▶ shown by the node ─▶ the gateway

Everything is checked before anything is changed: `set` collects, and the node holds it all against each
other when it saves. A node in service that refuses a setting goes on as who it was. The line is durable
before the node has the key, and goes again if the node has not taken it, so no key is ever in a node that
nobody else has.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lyhord_tools.device.console import CommandFailed, NodeConsole, fields
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.gateway import Gateway
from lyhord_tools.fleet.keys import Key
from lyhord_tools.fleet.registry import Entry, Registry, open_registry
from lyhord_wire.about import TEXT_MAX
from lyhord_wire.tables import PROFILES

_NOBODY = "none"


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity that the node gets. `id` None: the next free one. `new_device`: the id was another's."""

    id: int | None
    key: Key
    generation: int = 0
    name: str = ""
    profile: str = "bin"
    new_device: bool = False


def check(identity: Identity, settings: Mapping[str, str]) -> dict[str, str]:
    """All that the node is to be set to, name and profile included.

    Raises ToolError for what the console's lines cannot carry, or no node would take.
    """
    if identity.profile not in PROFILES.values():
        raise ToolError(f"--profile: expected {' or '.join(PROFILES.values())}")
    if identity.key.is_blank():
        raise ToolError("the key is blank; expected 16 random bytes")
    if identity.new_device and identity.id is None:
        raise ToolError("--new-device: expected --id, the id that another device had")
    if identity.name != identity.name.strip():
        raise ToolError("--name: expected no space or line end at either end")
    wanted = dict(settings) | {"name": identity.name, "profile": identity.profile}
    for name, value in wanted.items():
        if not value.isprintable():
            raise ToolError(f"{name}: control characters do not go over the console")
    if len(identity.name.encode()) > TEXT_MAX:
        raise ToolError(f"the name has more than {TEXT_MAX} bytes")
    return wanted


def provision(
    console: NodeConsole,
    identity: Identity,
    registry: Path,
    settings: Mapping[str, str] | None = None,
    gateway: Gateway | None = None,
) -> Entry:
    """Give the node behind an entered console its identity and settings, verify, and write the registry's
    line and the gateway's.

    Raises ToolError when the id is taken, the node refuses something, or it does not show what it was given.
    """
    wanted = check(identity, settings or {})
    with open_registry(registry) as book:
        board = fields(console.command("version")).get("board", "")
        entry = _entry(identity, book, gateway, board, fields(console.command("status")).get("id", _NOBODY))
        old = f"{entry.id:06x}" if identity.new_device else None
        if gateway is not None:
            gateway.check(entry.line(), old)
        _settle(console, wanted)
        _hand_over(console, book, entry)
    if gateway is not None:
        try:
            gateway.enter(entry.line(), old)
        except ToolError as fault:
            raise ToolError(f"{fault}; {registry} has the node, import it from there") from fault
    return entry


def _entry(identity: Identity, book: Registry, gateway: Gateway | None, board: str, present: str) -> Entry:
    """The registry entry of the node. present: the id that it has now, or none."""
    node = identity.id
    if node is None:
        if present != _NOBODY:
            raise ToolError(
                f"this board is node {present} already, expected --id: {present} for another key of it, or a "
                "new id if it leaves its old place"
            )
        node = max(book.next_free(), gateway.next_id() if gateway else 1)
    same_board = present == f"{node:06x}" and identity.generation not in book.generations(node)
    if node in book and not same_board and not identity.new_device:
        raise ToolError(f"{book.path} has node {node:06x} already")
    book.refuse_key(node, identity.key)
    created = datetime.now(UTC)
    return Entry(node, identity.key, identity.generation, identity.name, identity.profile, board, created)


def _settle(console: NodeConsole, wanted: Mapping[str, str]) -> None:
    """All settings at once. A node that refuses one has changed nothing, and goes back to its work."""
    try:
        for name, value in wanted.items():
            if value:
                console.command(f"set {name} {_quoted(value)}")
        console.command("save")
    except CommandFailed:
        with contextlib.suppress(ToolError):
            console.command("exit")
        raise


def _quoted(value: str) -> str:
    """As the node's console takes a text with a space at either end."""
    return f'"{value}"' if value != value.strip() or value[:1] == '"' else value


def _hand_over(console: NodeConsole, book: Registry, entry: Entry) -> None:
    """The line first, then the key: the node may have it as soon as it was sent."""
    before = book.append(entry)
    try:
        console.command(f"provision {entry.id:06x} {entry.key.value.hex()} {entry.generation}")
        _verify(console, entry.id, entry.generation)
    except (CommandFailed, NotTaken):
        book.take_back(before)
        raise
    except ToolError as fault:
        raise ToolError(
            f"{fault}; node {entry.id:06x} may have its key, its line stays in {book.path}"
        ) from fault


class NotTaken(ToolError):
    """The node shows another identity than it was given."""


def _verify(console: NodeConsole, node: int, generation: int) -> None:
    shown = fields(console.command("status"))
    if shown.get("id") != f"{node:06x}" or shown.get("generation") != str(generation):
        told = f"id {shown.get('id')}, generation {shown.get('generation')}"
        raise NotTaken(f"the node shows {told} after provisioning")
