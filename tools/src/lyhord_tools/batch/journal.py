"""The journal of a batch, which outlives a power cut: a line of JSON per board and try, the newest counts.

Boards are known by their MAC. A board that is done is not touched again; one that failed goes on where it is,
with the row that it had.
"""

import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

from lyhord_tools.errors import ToolError

NAME = "batch.jsonl"


@dataclass(frozen=True, slots=True)
class Done:
    """The end of a board's try. step: where it ended, `done` for all of it; row: line of the table, 0 for
    none; record: the self-test's file, in the batch's folder."""

    mac: str
    port: str
    step: str
    detail: str = ""
    node: str = ""
    name: str = ""
    board: str = ""
    row: int = 0
    record: str = ""

    @property
    def is_good(self) -> bool:
        return self.step == "done"


class Journal:
    """The file in a batch's folder, which is made. Raises ToolError."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._path = folder / NAME
        self._lock = threading.Lock()
        self._newest: dict[str, Done] = {}
        try:
            folder.mkdir(parents=True, exist_ok=True)
            text = self._path.read_text(encoding="utf-8") if self._path.exists() else ""
        except OSError as fault:
            raise ToolError(f"cannot use {folder}: {fault.strerror}") from fault
        self._join = "\n" if text and not text.endswith("\n") else ""  # behind a line that was cut off
        for line in text.split("\n"):
            try:
                done = Done(**json.loads(line))
            except (ValueError, TypeError):
                continue  # the last line of a run that was cut off
            if done.mac:
                self._newest[done.mac] = done

    def of(self, mac: str) -> Done | None:
        """The newest of a board."""
        with self._lock:
            return self._newest.get(mac)

    def rows(self) -> list[int]:
        """Lines of the table that boards have."""
        with self._lock:
            return [done.row for done in self._newest.values() if done.row]

    def add(self, done: Done) -> None:
        """Durable when this returns."""
        with self._lock:
            try:
                with self._path.open("a", encoding="utf-8") as file:
                    file.write(self._join + json.dumps(asdict(done), ensure_ascii=False) + "\n")
                    file.flush()
                    os.fsync(file.fileno())
            except OSError as fault:
                self._join = "\n"
                raise ToolError(f"cannot write {self._path}: {fault.strerror}") from fault
            self._join = ""
            if done.mac:
                self._newest[done.mac] = done
