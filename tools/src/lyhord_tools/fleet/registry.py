"""The installer's registry: one JSON line per node, with its key, in a file that only its owner reads.

It says which ids are taken, so it stays when the gateway has the keys: `forget_keys` takes only those out.

A line is written in one piece and synced before anybody is told that the node is registered. A last line torn
by a power cut is passed over; a line broken anywhere else is refused, because it may have been a node.
"""

import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.keys import Key
from lyhord_wire.frame import NODE_MAX
from lyhord_wire.outside import NotText, lines_of, text_of

_LOCK_DEADLINE_S = 10.0
_LOCK_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Entry:
    """One node: what a gateway needs to open its frames and what a person needs to find it."""

    id: int
    key: Key
    generation: int
    name: str
    profile: str
    board: str
    created: datetime

    def line(self) -> str:
        """The JSON line, key included, as registry and `lyhord-gateway nodes import` read it."""
        return json.dumps(
            {
                "id": f"{self.id:06x}",
                "key": self.key.value.hex(),
                "generation": self.generation,
                "name": self.name,
                "profile": self.profile,
                "board": self.board,
                "created": self.created.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )


class Registry:
    """An open and locked registry file; get one from `open_registry`."""

    def __init__(self, path: Path, handle: int) -> None:
        self.path = path
        self._handle = handle
        self._nodes, self._tail, self._join = _read(path, handle)

    def __contains__(self, node: int) -> bool:
        return node in self._nodes

    def generations(self, node: int) -> set[int]:
        """Generations of the keys that the node has had here."""
        return {generation for generation, _ in self._nodes.get(node, [])}

    def refuse_key(self, node: int, key: Key) -> None:
        """Raises ToolError when another node has this key, or this node had it."""
        for other, keys in self._nodes.items():
            if any(known == key.value.hex() for _, known in keys):
                raise ToolError(f"{self.path}: node {other:06x} has this key already; expected a new one")

    def next_free(self) -> int:
        """The lowest id above all that are taken."""
        node = max(self._nodes, default=0) + 1
        if node > NODE_MAX:
            raise ToolError(f"{self.path}: no node id is free above ffffff")
        return node

    def append(self, entry: Entry) -> int:
        """Write the entry durably. Returns the file's size before, for `take_back`.

        Raises ToolError, also when the node is there with a key of this generation.
        """
        # A torn line goes away: left where it is, it would stand in the middle from now on.
        before = self._tail
        if entry.generation in self.generations(entry.id):
            raise ToolError(f"{self.path} has node {entry.id:06x} already")
        self._write(before, self._join + entry.line() + "\n")
        self._nodes.setdefault(entry.id, []).append((entry.generation, entry.key.value.hex()))
        self._tail, self._join = os.fstat(self._handle).st_size, ""
        return before

    def take_back(self, size: int) -> None:
        """The file as it was before the last `append`: the node has not taken its identity."""
        self._write(size, "")
        self._nodes, self._tail, self._join = _read(self.path, self._handle)

    def _write(self, size: int, text: str) -> None:
        try:
            os.ftruncate(self._handle, size)
            data = text.encode()
            try:
                while data:
                    data = data[os.write(self._handle, data) :]
                os.fsync(self._handle)
            except OSError:
                os.ftruncate(self._handle, size)  # half a line is worse than none
                raise
        except OSError as fault:
            raise ToolError(f"cannot write {self.path}: {fault.strerror}") from fault

    def forget_keys(self) -> int:
        """Takes the keys out and leaves everything else, ids above all. How many keys there were."""
        kept = []
        count = 0
        for line in lines_of(_content(self._handle)):
            if _entry(line) is None:
                continue
            told = json.loads(line)
            count += told.pop("key", None) is not None
            kept.append(json.dumps(told, ensure_ascii=False, separators=(",", ":")) + "\n")
        replacement = self.path.with_name(self.path.name + ".new")
        try:
            replacement.unlink(missing_ok=True)
            handle = os.open(replacement, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write("".join(kept))
                file.flush()
                os.fsync(file.fileno())
            # What stands on the disk is written over first: a key that is out of the way is not gone.
            os.pwrite(self._handle, b" " * os.fstat(self._handle).st_size, 0)
            os.fsync(self._handle)
            replacement.replace(self.path)
        except OSError as fault:
            raise ToolError(f"cannot write {self.path}: {fault.strerror}") from fault
        return count


@contextmanager
def open_registry(path: Path) -> Iterator[Registry]:
    """Create (mode 0600) or open the file and hold its lock: two installers never take the same id."""
    try:
        # No link is followed: behind somebody else's, keys would go where he wants them. Nothing is waited
        # for: opening a pipe would.
        handle = os.open(
            path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o600
        )
    except OSError as fault:
        why = "it is a link; name the file itself" if fault.errno == errno.ELOOP else fault.strerror
        raise ToolError(f"cannot open {path}: {why}") from fault
    try:
        _make_private(path, handle)
        _lock(path, handle)
        yield Registry(path, handle)
    finally:
        os.close(handle)


def _make_private(path: Path, handle: int) -> None:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
        raise ToolError(f"{path}: expected a plain file of one name; keys go nowhere else")
    try:
        os.fchmod(handle, 0o600)
    except OSError as fault:
        raise ToolError(f"{path}: cannot be given mode 0600: {fault.strerror}") from fault


def _lock(path: Path, handle: int) -> None:
    deadline = time.monotonic() + _LOCK_DEADLINE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as taken:
            if time.monotonic() > deadline:
                raise ToolError(f"{path} is in use by another provisioning") from taken
            time.sleep(_LOCK_POLL_S)
        else:
            return


_Nodes = dict[int, list[tuple[int, str]]]


def _read(path: Path, handle: int) -> tuple[_Nodes, int, str]:
    """Node → (generation, key) of its lines, the bytes up to the end of the last entry, and what must stand
    before the next one."""
    data = _content(handle)
    nodes: _Nodes = {}
    tail = 0
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        whole = line.endswith(b"\n")
        try:
            entry = _entry(text_of(line))
        except NotText:
            entry = None
        if whole and entry is None and line.strip():
            raise ToolError(f"{path}, line {number}: not a node's entry")
        if whole or entry is not None:
            tail += len(line)
        if entry is not None:
            nodes.setdefault(entry[0], []).append(entry[1:])
    return nodes, tail, "" if data[:tail].endswith(b"\n") or not tail else "\n"


def _content(handle: int) -> bytes:
    return os.pread(handle, os.fstat(handle).st_size, 0)


def _entry(line: str) -> tuple[int, int, str] | None:
    """Node, generation and key (or "") in a line; None for what is no entry."""
    try:
        entry = json.loads(line)
        node = int(entry["id"], 16)
        generation = int(entry.get("generation", 0))
        key = str(entry.get("key") or "").lower()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return (node, generation, key) if 1 <= node <= NODE_MAX else None
