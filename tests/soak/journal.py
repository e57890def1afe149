"""The journal of one node, as its console told it, and what came of it at the gateway's door."""

import ast
import re
from dataclasses import dataclass, field

from lyhord_wire.codes import STATUS_DROPPED

_SAMPLE = re.compile(r"sample (\d+) (\{.*\})")
_ALARMING = ("Traceback", "Unhandled exception", "MemoryError")


@dataclass(frozen=True, slots=True)
class Taken:
    """A sample as the node printed it. time_s: true Unix seconds; life: how many power cuts were before."""

    time_s: float
    life: int
    values: dict[int, int | None]


@dataclass(slots=True)
class Journal:
    """now_s: true Unix seconds. off_s: how long the next power cut lasts."""

    now_s: object
    off_s: int = 60
    taken: dict[int, Taken] = field(default_factory=dict)
    lives: int = 0
    heard_in: dict[int, int] = field(default_factory=dict)  # life → frames that the gateway stored
    seen: dict[int, int] = field(default_factory=dict)  # sample number → in how many frames it came
    dropped_told: int = 0
    not_kept: int = 0
    complaints: list[str] = field(default_factory=list)

    def read(self, line: str) -> None:
        """One line of the console."""
        if (match := _SAMPLE.search(line)) is not None:
            number = int(match[1])
            if number in self.taken:
                self.complaints.append(f"took sample {number} twice")
            self.taken[number] = Taken(self.now_s(), self.lives, ast.literal_eval(match[2]))
        elif line.startswith("sample not kept"):
            self.not_kept += 1
        elif any(word in line for word in _ALARMING):
            self.complaints.append(line)

    def cut(self) -> None:
        self.lives += 1

    def arrived(self, arrival) -> None:
        """A frame that was opened and given to the store."""
        self.heard_in[self.lives] = self.heard_in.get(self.lives, 0) + 1
        for row in arrival.content.samples:
            self.seen[row.seq] = self.seen.get(row.seq, 0) + 1
        if arrival.content.status is not None:
            self.dropped_told += arrival.content.status.get(STATUS_DROPPED, 0)
