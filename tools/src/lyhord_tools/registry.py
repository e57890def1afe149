"""The installer's registry: one JSON line per node, with its key, in a file that only its owner reads.

A line is written in one piece and synced before anybody is told that the node is registered. A last line torn
by a power cut is passed over; a line broken anywhere else is refused, because it may have been a node.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from lyhord_tools.errors import ToolError
from lyhord_tools.keys import Key
from lyhord_wire.frame import NODE_MAX

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
        self._ids, self._tail, self._join = _read(path)

    def __contains__(self, node: int) -> bool:
        return node in self._ids

    def next_free(self) -> int:
        """The lowest id above all that are taken."""
        node = max(self._ids, default=0) + 1
        if node > NODE_MAX:
            raise ToolError(f"{self.path}: no node id is free above ffffff")
        return node

    def append(self, entry: Entry) -> None:
        """Write the entry durably. Raises ToolError when its id is taken."""
        if entry.id in self._ids:
            raise ToolError(f"{self.path} has node {entry.id:06x} already")
        try:
            # A torn line goes away: left where it is, it would stand in the middle from now on.
            os.ftruncate(self._handle, self._tail)
            line = (self._join + entry.line() + "\n").encode()
            while line:
                line = line[os.write(self._handle, line) :]
            os.fsync(self._handle)
        except OSError as fault:
            raise ToolError(f"cannot write {self.path}: {fault.strerror}") from fault
        self._ids.add(entry.id)
        self._tail, self._join = os.fstat(self._handle).st_size, ""


@contextmanager
def open_registry(path: Path) -> Iterator[Registry]:
    """Create (mode 0600) or open the file and hold its lock: two installers never take the same id."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as fault:
        raise ToolError(f"cannot open {path}: {fault.strerror}") from fault
    try:
        _make_private(path, handle)
        _lock(path, handle)
        yield Registry(path, handle)
    finally:
        os.close(handle)


def _make_private(path: Path, handle: int) -> None:
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


def _read(path: Path) -> tuple[set[int], int, str]:
    """The ids taken, the bytes up to the end of the last entry, and what must stand before the next one."""
    data = path.read_bytes()
    ids: set[int] = set()
    tail = 0
    for number, line in enumerate(data.splitlines(keepends=True), 1):
        whole = line.endswith(b"\n")
        node = _id(line.decode("utf-8", errors="replace"))
        if whole and node is None and line.strip():
            raise ToolError(f"{path}, line {number}: not a node's entry")
        if whole or node is not None:
            tail += len(line)
        if node is not None:
            ids.add(node)
    return ids, tail, "" if data[:tail].endswith(b"\n") or not tail else "\n"


def _id(line: str) -> int | None:
    try:
        entry = json.loads(line)
        node = int(entry["id"], 16)
    except (ValueError, TypeError, KeyError):
        return None
    return node if 1 <= node <= NODE_MAX else None
