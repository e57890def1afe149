"""A board behind its console, as provisioning sees it: who it is, and the steps that change it.

Firmware from before a command was there goes without it: `help` says which ones it has.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass

from lyhord_tools.device.console import CommandFailed, NodeConsole, fields
from lyhord_tools.errors import ToolError
from lyhord_wire.frame import NODE_MAX
from lyhord_wire.tables import SETTINGS

_DELIVER_S = 600.0
_RESTART_S = 60.0


@dataclass(frozen=True, slots=True)
class Board:
    """A board by its own words. id, generation: None when it is nobody. kept: samples that it has
    not delivered. commands: the names of those that its console has."""

    console: NodeConsole
    name: str
    mac: str
    id: int | None
    generation: int | None
    place: str
    kept: int
    commands: frozenset[str]

    def would_take(self, wanted: Mapping[str, str], afresh: bool) -> None:
        """Asks whether it would take these settings. Nothing is saved, and nothing stays staged.

        afresh: as a board without settings, which it will be by then. A board without `check` says it at its
        next `save`, which takes all or nothing. Raises CommandFailed.
        """
        if "check" not in self.commands:
            return
        self.discard()
        if afresh and "factory-reset" in self.commands:
            self._stage(_DEFAULTS)
            for text in self._texts():
                self.console.command(f"clear {text}")
        self._stage(wanted)
        self.console.command("check")
        self.discard()

    def deliver(self) -> None:
        """Sends the samples that it has kept. Raises CommandFailed, NoAnswer."""
        self.console.command("send", _DELIVER_S)

    def forget_all(self) -> None:
        """Takes settings, samples and identity from it; firmware that cannot keeps them. Raises ToolError."""
        if "factory-reset" not in self.commands:
            return
        self.console.command("factory-reset all yes discard", _RESTART_S)
        self.console.enter(_RESTART_S)  # it starts again
        if read_board(self.console).id is not None:
            raise ToolError("the node is still somebody after factory-reset")

    def take(self, wanted: Mapping[str, str]) -> None:
        """Gives it the settings, all or none. Raises CommandFailed."""
        self.discard()
        self._stage(wanted)
        self.console.command("save")

    def discard(self) -> None:
        """Forgets what somebody has staged."""
        if "discard" in self.commands:
            self.console.command("discard")

    def leave(self) -> None:
        """Lets it go on as what it is, with nothing staged; whatever it says to that."""
        with contextlib.suppress(ToolError):
            self.discard()
        with contextlib.suppress(ToolError):
            self.console.command("exit")

    def shelve(self) -> None:
        """From its next sleep on it rests until it is installed; firmware that cannot works. Raises
        ToolError."""
        if "shelf" in self.commands:
            self.console.command("shelf")

    def start(self) -> None:
        """Lets it begin its work. Raises ToolError."""
        self.console.command("start" if "start" in self.commands else "exit")

    def _texts(self) -> list[str]:
        numbers = {setting.name for setting in SETTINGS.values()}
        return [name for name in fields(self.console.command("get")) if name not in numbers]

    def _stage(self, wanted: Mapping[str, str]) -> None:
        for name, value in wanted.items():
            if value:
                self.console.command(f"set {name} {_quoted(value)}")


_DEFAULTS = {setting.name: str(setting.default) for setting in SETTINGS.values()}


def read_board(console: NodeConsole) -> Board:
    """The board behind an entered console. Raises ToolError."""
    version, status = fields(console.command("version")), fields(console.command("status"))
    mac = version.get("mac", "").lower()
    return Board(
        console,
        version.get("board", ""),
        mac if len(mac) == 12 and all(digit in "0123456789abcdef" for digit in mac) else "",
        _number(status.get("id", ""), 16, NODE_MAX) or None,
        _number(status.get("generation", ""), 10, 255),
        status.get("name", ""),
        _number(status.get("kept", ""), 10, None) or 0,
        _commands(console),
    )


def _commands(console: NodeConsole) -> frozenset[str]:
    try:
        return frozenset(line.split()[0] for line in console.command("help") if line.strip())
    except CommandFailed:
        return frozenset()


def _number(text: str, base: int, most: int | None) -> int | None:
    """Text of the board as a number; None for what is none."""
    try:
        number = int(text, base)
    except ValueError:
        return None
    return number if number >= 0 and (most is None or number <= most) else None


def _quoted(value: str) -> str:
    """As the node's console takes a text with a space at either end."""
    return f'"{value}"' if value != value.strip() or value[:1] == '"' else value
