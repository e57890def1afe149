"""A node's settings in a file: taken from one board, given to another, or to the same one again.

    {"form": 1, "node": "000a01", "board": "devkit_rfm95", "settings": {"name": "Storgatan 12", …},
     "secrets": ["wifi_password"]}

Never a key, and never a password: a node does not tell them. `secrets` names those that were set.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lyhord_tools.device.console import NodeConsole, fields
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.keys import read_text
from lyhord_wire.tables import SETTINGS

FORM = 1
_SECRET = "(set)"
_UNSET = ("", "(not set)", "usual")
_NUMBERS = {setting.name: setting for setting in SETTINGS.values()}


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """settings: as `set` takes them, those at their default left out. secrets: names of passwords that the
    node has. node: None where it is nobody."""

    node: str | None
    board: str
    settings: Mapping[str, str]
    secrets: tuple[str, ...]

    def text(self) -> str:
        """The file's text."""
        told = {
            "form": FORM,
            "node": self.node,
            "board": self.board,
            "settings": dict(self.settings),
            "secrets": list(self.secrets),
        }
        return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def from_node(console: NodeConsole) -> NodeSettings:
    """The settings of the node behind an entered console. Raises ToolError."""
    version, status = fields(console.command("version")), fields(console.command("status"))
    found: dict[str, str] = {}
    secrets = []
    for name, shown in fields(console.command("get")).items():
        if shown == _SECRET:
            secrets.append(name)
        elif name in _NUMBERS:
            value = shown.split(" ", 1)[0]
            if value != str(_NUMBERS[name].default):
                found[name] = value
        elif shown not in _UNSET:
            inner = shown[1:-1]
            quoted = shown[:1] == shown[-1:] == '"' and inner != inner.strip()  # a space at an end was meant
            found[name] = inner if quoted else shown
    who = status.get("id", "none")
    return NodeSettings(
        None if who == "none" else who, version.get("board", ""), found, tuple(sorted(secrets))
    )


def from_file(path: Path) -> NodeSettings:
    """The settings in a file. Raises ToolError."""
    try:
        told = json.loads(read_text(path))
        if told["form"] != FORM:
            raise ToolError(f"{path}: form: expected {FORM}")
        settings = {str(name): str(value) for name, value in told["settings"].items()}
        node = told["node"] if told["node"] is None else str(told["node"])
        return NodeSettings(node, str(told["board"]), settings, tuple(map(str, told["secrets"])))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as fault:
        raise ToolError(f"{path}: expected a file of lyhord backup") from fault
