"""The fleet file: one JSON line per node and per block of ids, with keys, for its owner only.

It says which ids are taken, so it stays when the gateway has the keys: `forget_keys` takes only those out.

Whoever changes it holds a lock (`FILE.lock`), and only as long as the change takes: several boards are
provisioned at once. A change is a new file in the place of the old one, so the file is always whole. A last
line that some other program has torn is passed over; a line broken anywhere else is refused, because it may
have been a node.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import filelock
import platformdirs

from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.entries import Block, Entry, State, parse
from lyhord_tools.fleet.keys import Key
from lyhord_tools.private_file import read_private, replace_private
from lyhord_wire.outside import NotText, text_of

ENVIRONMENT = "LYHORD_FLEET"
_HERE = Path("nodes.jsonl")
_LOCK_DEADLINE_S = 60.0  # eight boards may each wait for a gateway under it
_LOCK_POLL_S = 0.05


def default_path() -> Path:
    """The fleet file where none is named: that of `LYHORD_FLEET`, a `nodes.jsonl` in this folder, else the
    user's own."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(named)
    if _HERE.exists():
        return _HERE
    return platformdirs.user_data_path("lyhord") / "fleet.jsonl"


def make_folder(path: Path) -> None:
    """The folder of the user's own fleet file; of a file that somebody names, the folder is there."""
    own = platformdirs.user_data_path("lyhord")
    if path.parent == own:
        own.mkdir(mode=0o700, parents=True, exist_ok=True)


class Fleet:
    """An open and locked fleet file; get one from `open_fleet`."""

    def __init__(self, path: Path, lines: list[tuple[str, Entry | Block]]) -> None:
        self.path = path
        self._lines = lines  # as they stand in the file, and what they say

    def __contains__(self, node: int) -> bool:
        return any(entry.id == node for entry in self.entries)

    @property
    def entries(self) -> list[Entry]:
        """All nodes, in the order of the file."""
        return [one for _, one in self._lines if isinstance(one, Entry)]

    @property
    def blocks(self) -> list[Block]:
        """Blocks of ids, in the order of the file."""
        return [one for _, one in self._lines if isinstance(one, Block)]

    def in_force(self, node: int) -> list[Entry]:
        """The node's lines that nothing has replaced, one per generation of its key."""
        return [entry for entry in self.entries if entry.id == node and entry.state is not State.replaced]

    def generations(self, node: int) -> set[int]:
        """Generations of the keys that the node has here."""
        return {entry.generation for entry in self.in_force(node)}

    def pending(self, mac: str, node: int | None) -> list[Entry]:
        """Lines of runs that were not finished on this board, the newest last. mac: empty where the board
        does not tell it; then it is known by the id that it shows."""
        pending = [entry for entry in self.entries if entry.state is State.pending]
        return [entry for entry in pending if (entry.mac == mac if mac else entry.id == node)]

    def former(self, entry: Entry) -> Entry | None:
        """The node that this entry's board was before; None if it was none that this file knows."""
        same = [one for one in self.entries if one.mac == entry.mac != "" and one.id != entry.id]
        return next((one for one in reversed(same) if one.state is State.replaced), None)

    def refuse_key(self, key: Key, but: Entry | None = None) -> None:
        """Raises ToolError when a node has this key or had it. but: a line that does not count."""
        for entry in self.entries:
            if entry.key == key and entry is not but:
                raise ToolError(f"{self.path}: node {entry.id:06x} has this key already; expected a new one")

    def append(self, entry: Entry, replacing: bool = False) -> None:
        """Writes the entry durably. Raises ToolError, also when the node is there with a key of this
        generation. replacing: that is meant, until `settle` both lines stand."""
        if entry.generation in self.generations(entry.id) and not replacing:
            raise ToolError(f"{self.path} has node {entry.id:06x} already")
        self._change([*self._lines, (entry.kept(), entry)])

    def add_block(self, block: Block) -> None:
        """Writes a block durably; one that follows another of the same gateway makes that one longer."""
        for at, (_, one) in enumerate(self._lines):
            if isinstance(one, Block) and one.gateway == block.gateway != "" and one.ids.stop == block.first:
                longer = replace(one, count=one.count + block.count)
                self._change([*self._lines[:at], (longer.kept(), longer), *self._lines[at + 1 :]])
                return
        self._change([*self._lines, (block.kept(), block)])

    def swap(self, before: Entry, entry: Entry | None) -> None:
        """Puts a line in the place of another; None: takes that one out."""
        lines = enumerate(self._lines)
        at = next((at for at, (_, one) in lines if isinstance(one, Entry) and one.is_line_of(before)), None)
        if at is not None:
            here = [] if entry is None else [(entry.kept(), entry)]
            self._change([*self._lines[:at], *here, *self._lines[at + 1 :]])

    def settle(self, entry: Entry, new_life: bool, was: int | None = None) -> Entry:
        """The board has shown the identity of this pending line. new_life: it is another node than before, so
        what else this board was, and whoever else had the id, is replaced and loses its key here. was: the id
        that the board had."""
        settled = replace(entry, state=State.provisioned)
        lines: list[tuple[str, Entry | Block]] = []
        for text, one in self._lines:
            if isinstance(one, Entry) and one.is_line_of(entry):
                lines.append((settled.kept(), settled))
            elif isinstance(one, Entry) and new_life and _gives_way(one, entry, was):
                gone = replace(one, state=State.replaced, key=None)
                lines.append((gone.kept(), gone))
            else:
                lines.append((text, one))
        self._change(lines)
        return settled

    def take_in(self, entries: Sequence[Entry], replacing: Collection[int] = ()) -> int:
        """Enters nodes that come from elsewhere, all or none. How many lines are new. replacing: ids whose
        key here gives way. Raises ToolError for another key of an id, and for the key of another node."""
        lines = list(self._lines)
        count = 0
        for entry in entries:
            here = Fleet(self.path, lines)
            known = next((one for one in here.in_force(entry.id) if one.is_same_node(entry)), None)
            if entry.key is None and entry.id in here:
                continue
            if known is not None and known.key == entry.key:
                continue
            if entry.key is not None:
                here.refuse_key(entry.key)
            if known is not None and known.key is not None and entry.id not in replacing:
                raise ToolError(
                    f"node {entry.id:06x}: {self.path} has another key of generation {entry.generation}; "
                    f"--replace {entry.id:06x} if another device has the id now"
                )
            if known is not None:
                lines = [(text, one) for text, one in lines if one is not known]
            lines.append((entry.kept(), entry))
            count += 1
        if count:
            self._change(lines)
        return count

    def forget_keys(self) -> int:
        """Takes the keys out and leaves everything else, ids above all. How many keys there were."""
        lines: list[tuple[str, Entry | Block]] = []
        count = 0
        for text, one in self._lines:
            if isinstance(one, Entry) and one.key is not None:
                count += 1
                bare = replace(one, key=None)
                lines.append((bare.kept(), bare))
            else:
                lines.append((text, one))
        self._change(lines)
        return count

    def _change(self, lines: list[tuple[str, Entry | Block]]) -> None:
        replace_private(self.path, "".join(text + "\n" for text, _ in lines))
        self._lines = lines


def _gives_way(one: Entry, to: Entry, was: int | None) -> bool:
    return one.id in (to.id, was) or (to.mac != "" and one.mac == to.mac)


@contextmanager
def open_fleet(path: Path) -> Iterator[Fleet]:
    """Opens or creates the file (mode 0600) under its lock: two technicians never take the same id. Raises
    ToolError."""
    make_folder(path)
    if not path.parent.is_dir():
        raise ToolError(f"cannot open {path}: No such file or directory")
    lock = filelock.FileLock(path.with_name(path.name + ".lock"), mode=0o600, poll_interval=_LOCK_POLL_S)
    try:
        lock.acquire(timeout=_LOCK_DEADLINE_S)
    except filelock.Timeout as taken:
        raise ToolError(f"{path} is in use by another provisioning") from taken
    except OSError as fault:
        raise ToolError(f"cannot lock {path}: {fault.strerror}") from fault
    try:
        yield Fleet(path, _read(path, read_private(path, create=True)))
    finally:
        lock.release()


def read_fleet(path: Path) -> Fleet:
    """The file as it is, to look at. Raises ToolError, also when there is none."""
    return Fleet(path, _read(path, read_private(path)))


def _read(path: Path, data: bytes) -> list[tuple[str, Entry | Block]]:
    found: list[tuple[str, Entry | Block]] = []
    lines = data.splitlines(keepends=True)
    for number, line in enumerate(lines, 1):
        try:
            text = text_of(line).strip()
        except NotText:
            text = ""
        one = parse(text)
        if one is not None:
            found.append((text, one))
        elif line.strip() and line.endswith(b"\n"):
            raise ToolError(f"{path}, line {number}: not a node's entry")
    return found
