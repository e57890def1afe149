"""The identity that a board is promised: decided by what it is, what the fleet file holds and what was asked.

nobody, no line of its own      ─▶ the named id, or the next free one
a line `pending` with its MAC   ─▶ the run that was not finished goes on, with its id and key
somebody                        ─▶ refused; with --replace another identity, with the next generation
                                   of its own id another key
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.board import Board
from lyhord_tools.fleet.entries import Entry, State
from lyhord_tools.fleet.fleet_file import Fleet, open_fleet
from lyhord_tools.fleet.gateway import Gateway
from lyhord_tools.fleet.ids import free_id
from lyhord_tools.fleet.keys import Key, new_key


@dataclass(frozen=True, slots=True)
class Identity:
    """The identity that the node gets. `id` None: the next free one; `key` None: a new one.

    replace: what was there gives way, another identity of this board or another device with this id.
    discard_samples: samples of the old identity that were not delivered may go.
    """

    id: int | None
    key: Key | None = None
    generation: int = 0
    name: str = ""
    profile: str = "bin"
    replace: bool = False
    discard_samples: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """entry: the line that stands in the fleet file, pending. before: that of a run that was not finished.
    new_life: the board forgets what it was. replaced: ids that go to another device at the gateway."""

    path: Path
    board: Board
    identity: Identity
    entry: Entry
    before: Entry | None
    new_life: bool
    replaced: tuple[int, ...]

    def take_back(self) -> None:
        """The fleet file as it was."""
        with open_fleet(self.path) as fleet:
            fleet.swap(self.entry, self.before)

    def settle(self) -> Entry:
        """The line says that the board has it."""
        with open_fleet(self.path) as fleet:
            return fleet.settle(self.entry, self.new_life, self.board.id)


def promise(path: Path, identity: Identity, board: Board, gateway: Gateway | None) -> Plan:
    """Decides who the board will be, and has it durable in the fleet file. Raises ToolError."""
    with open_fleet(path) as fleet:
        before = _unfinished(fleet, identity, board)
        is_same_node = board.id is not None and board.id == (before.id if before else identity.id)
        new_life = identity.replace or not is_same_node
        if before is None and board.id is not None and not identity.replace:
            _refuse_unless_next_key(fleet, identity, board)
        node = before.id if before else identity.id
        if node is None:
            node = free_id(fleet, gateway)
        entry = _entry(node, identity, board, before)
        assert entry.key is not None
        fleet.refuse_key(entry.key, but=before)
        if before is not None:
            fleet.swap(before, entry)
        else:
            if node in fleet and new_life and not identity.replace:
                raise ToolError(
                    f"{path} has node {node:06x} already; another --id, or --replace if this board takes its "
                    "place"
                )
            fleet.append(entry, replacing=identity.replace)
        replaced = (node,) if identity.replace and node == identity.id else ()
    return Plan(path, board, identity, entry, before, new_life, replaced)


def _entry(node: int, identity: Identity, board: Board, before: Entry | None) -> Entry:
    return Entry(
        node,
        identity.key or (before.key if before else None) or new_key(),
        identity.generation,
        identity.name,
        identity.profile,
        board.name,
        datetime.now(UTC),
        board.mac,
        State.pending,
    )


def _unfinished(fleet: Fleet, identity: Identity, board: Board) -> Entry | None:
    """The line of the run that this one finishes, if there is one."""
    pending = fleet.pending(board.mac, board.id)
    named = [entry for entry in pending if identity.id in (None, entry.id)]
    if not pending or (identity.replace and not named):
        return None
    before = (named or pending)[-1]
    if not named:
        raise ToolError(
            f"a run that was not finished has promised this board id {before.id:06x}: expected --id "
            f"{before.id:06x} to finish it, or --replace to give it up"
        )
    if board.id in (None, before.id) and not _doubles(fleet, before):
        return before
    return before if identity.replace else None


def _doubles(fleet: Fleet, before: Entry) -> bool:
    """True if the unfinished run was to replace what the board shows."""
    return any(one is not before and one.is_same_node(before) for one in fleet.in_force(before.id))


def _refuse_unless_next_key(fleet: Fleet, identity: Identity, board: Board) -> None:
    """A board that is somebody stays it; only another key of its own identity goes without --replace."""
    had = {board.generation, *fleet.generations(board.id or 0)}
    if identity.id == board.id and identity.generation not in had:
        return
    who = f"{board.id:06x}"
    called = f" ({board.place})" if board.place else ""
    raise ToolError(
        f"this board is node {who} already{called}: --replace gives it a new identity, factory-reset all on "
        f"its console makes it nobody, lyhord fleet show {who} tells of it"
    )
