"""The nodes that a command is about: the same options for lists and for orders to many."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Annotated

import typer

from lyhord_gateway.cli.common import node_number
from lyhord_gateway.fleet.nodes import PROFILE_KEYS
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.store.reader import Listed
from lyhord_gateway.support.errors import UnknownNode, UserError

_AGO = re.compile(r"(\d{1,6})(s|min|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}

NodesOption = Annotated[
    list[str] | None, typer.Option("--node", metavar="ID", help="This node; may be repeated.")
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", metavar="PATTERN", help="Nodes of such a name: Storg*, *12; a ? is one letter."),
]
ProfileOption = Annotated[str | None, typer.Option("--profile", help="Nodes of this profile: bin, building.")]
BoardOption = Annotated[str | None, typer.Option("--board", metavar="NAME", help="Nodes on this board.")]
SilentOption = Annotated[
    str | None, typer.Option("--silent", metavar="TIME", help="Nodes not heard for so long: 2h, 3d.")
]


@dataclass(frozen=True, slots=True)
class Selection:
    """Every condition that is there has to hold. silent_s: not heard for so many seconds."""

    nodes: tuple[int, ...] = ()
    name: str | None = None
    profile: str | None = None
    board: str | None = None
    silent_s: int | None = None

    def is_everything(self) -> bool:
        return self == Selection()

    def is_by_id(self) -> bool:
        return bool(self.nodes) and self == Selection(nodes=self.nodes)

    def choose(self, known: Iterable[Listed], now_s: int) -> list[Listed]:
        """Those of `known` that are meant. Raises UserError for an id that is not known."""
        found = [node for node in known if self._means(node, now_s)]
        if self.nodes:
            missing = set(self.nodes) - {node.facts.node for node in found}
            if missing and self == Selection(nodes=self.nodes):
                raise UnknownNode(min(missing))
        return found

    def _means(self, node: Listed, now_s: int) -> bool:
        facts = node.facts
        return (
            (not self.nodes or facts.node in self.nodes)
            and (self.name is None or fnmatchcase((facts.name or "").casefold(), self.name.casefold()))
            and (self.profile is None or facts.profile_name == self.profile)
            and (self.board is None or facts.board == self.board)
            and (self.silent_s is None or node.session.heard_s <= now_s - self.silent_s)
        )


def selection(
    nodes: Sequence[str] | None,
    name: str | None,
    profile: str | None,
    board: str | None,
    silent: str | None,
) -> Selection:
    """Raises UserError for what cannot be asked."""
    if profile is not None and profile not in PROFILE_KEYS:
        raise UserError(f"--profile: expected {' or '.join(PROFILE_KEYS)}")
    silent_s = None
    if silent is not None:
        if (ago := _AGO.fullmatch(silent)) is None:
            raise UserError(f"--silent: expected a time such as 30min, 2h or 3d, not {silent}")
        silent_s = int(ago[1]) * _SECONDS[ago[2]]
    return Selection(tuple(node_number(node) for node in nodes or ()), name, profile, board, silent_s)


Row = dict[str, object]


def sort(rows: list[Row], by: str | None) -> list[Row]:
    """By a column of the JSON, what is missing last; `-` before it turns the order. Raises UserError."""
    if by is None:
        return rows
    column, backwards = by.removeprefix("-"), by.startswith("-")
    if rows and column not in rows[0]:
        raise UserError(f"--sort: expected one of {', '.join(rows[0])}, not {column}")
    there = [row for row in rows if row[column] is not None]
    return sorted(there, key=_order(column), reverse=backwards) + [r for r in rows if r[column] is None]


def _order(column: str) -> Callable[[Row], tuple[float, str]]:
    def order(row: Row) -> tuple[float, str]:
        value = row[column]
        if isinstance(value, int | float):
            return float(value), ""
        return 0.0, str(value).casefold()

    return order


def names(nodes: Sequence[int]) -> str:
    """A few ids in one line."""
    shown = ", ".join(map(node_text, nodes[:3]))
    return shown if len(nodes) <= 3 else f"{shown} and {len(nodes) - 3} more"
