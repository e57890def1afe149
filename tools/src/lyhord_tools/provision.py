"""Provisioning: a node gets its identity over the console, the registry (and the gateway) get the same.

Order: the id is taken under the registry's lock, the node stores and shows it, then the registry's line is
durable, then the gateway imports it. A failure before the line leaves the registry as it was, and the node
can simply be provisioned again.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lyhord_tools.console import NodeConsole, fields
from lyhord_tools.errors import ToolError
from lyhord_tools.keys import Key
from lyhord_tools.registry import Entry, open_registry
from lyhord_wire.about import TEXT_MAX
from lyhord_wire.tables import PROFILES

_IMPORT_DEADLINE_S = 30


@dataclass(frozen=True, slots=True)
class Identity:
    """What the node is to become. `id` None: the next free one of the registry."""

    id: int | None
    key: Key
    generation: int = 0
    name: str = ""
    profile: str = "bin"


def check(identity: Identity, settings: Mapping[str, str]) -> dict[str, str]:
    """All that the node is to be set to, name and profile included.

    Raises ToolError for what the console's lines cannot carry, or no node would take.
    """
    if identity.profile not in PROFILES.values():
        raise ToolError(f"--profile: expected {' or '.join(PROFILES.values())}")
    wanted = dict(settings) | {"name": identity.name, "profile": identity.profile}
    for name, value in wanted.items():
        if not value.isprintable():
            raise ToolError(f"{name}: control characters do not go over the console")
    if len(identity.name.encode()) > TEXT_MAX:
        raise ToolError(f"the name has more than {TEXT_MAX} bytes")
    return wanted


def provision(
    console: NodeConsole, identity: Identity, registry: Path, settings: Mapping[str, str] | None = None
) -> Entry:
    """Give the node behind an entered console its identity and settings, verify, and write the registry's
    line.

    Raises ToolError when the id is taken, the node refuses something, or it does not show what it was given.
    """
    wanted = check(identity, settings or {})
    with open_registry(registry) as book:
        node = identity.id if identity.id is not None else book.next_free()
        if node in book:
            raise ToolError(f"{registry} has node {node:06x} already")
        board = fields(console.command("version")).get("board", "")
        console.command(f"provision {node:06x} {identity.key.value.hex()} {identity.generation}")
        for name, value in wanted.items():
            if value:
                console.command(f"set {name} {value}")
        console.command("save")
        _verify(console, node, identity.generation)
        created = datetime.now(UTC)
        entry = Entry(
            node, identity.key, identity.generation, identity.name, identity.profile, board, created
        )
        book.append(entry)
        return entry


def import_into_gateway(entry: Entry, config: Path, registry: Path) -> None:
    """Hand the entry to `lyhord-gateway nodes import` on its standard input.

    Raises ToolError with its last line.
    """
    beside = str(Path(sys.executable).parent)
    program = shutil.which("lyhord-gateway") or shutil.which("lyhord-gateway", path=beside)
    again = f"; {registry} has the node, import it from there"
    if program is None:
        raise ToolError(f"lyhord-gateway is not installed here{again}")
    try:
        done = subprocess.run(
            [program, "nodes", "import", "--config", str(config), "-"],
            input=entry.line() + "\n",
            text=True,
            capture_output=True,
            timeout=_IMPORT_DEADLINE_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise ToolError(f"the gateway's import does not end{again}") from late
    if done.returncode != 0:
        said = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ToolError(f"the gateway refuses the node: {said}{again}")


def _verify(console: NodeConsole, node: int, generation: int) -> None:
    shown = fields(console.command("status"))
    if shown.get("id") != f"{node:06x}" or shown.get("generation") != str(generation):
        told = f"id {shown.get('id')}, generation {shown.get('generation')}"
        raise ToolError(f"the node shows {told} after provisioning")
