"""Lines of the fleet file: nodes, and blocks of ids that this laptop may give.

    {"id":"8a3f00","key":"…","generation":0,…,"mac":"7c9ebd0a1b2c","state":"provisioned"}
    {"block":"8a3f00","count":256,"created":"…"}                          drawn at random
    {"block":"000101","count":50,"gateway":"/etc/lyhord/gateway.toml",…}  reserved at a gateway

    pending ──the board has shown it──▶ provisioned ──its board or its id has a new identity──▶ replaced

A line without a state is from before there were states: provisioned.
"""

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from lyhord_tools.fleet.keys import Key, key_of
from lyhord_wire.frame import NODE_MAX


class State(StrEnum):
    """A node's way into service and out of it; see above."""

    pending = "pending"
    provisioned = "provisioned"
    replaced = "replaced"


@dataclass(frozen=True, slots=True)
class Entry:
    """One node: what a gateway needs to open its frames and what a person needs to find it.

    key: None where it was taken out of the file. mac: of its board, twelve hex digits, or empty.
    """

    id: int
    key: Key | None
    generation: int
    name: str
    profile: str
    board: str
    created: datetime | None
    mac: str = ""
    state: State = State.provisioned

    def line(self, with_key: bool = True) -> str:
        """The JSON line as `lyhord-gateway nodes import` reads it."""
        return _json(self._told(with_key))

    def kept(self) -> str:
        """The JSON line of the fleet file, key included."""
        return _json(self._told(with_key=True) | {"state": str(self.state)})

    def is_line_of(self, other: "Entry") -> bool:
        """True if this is what the file holds of `other`; a moment loses its fractions there."""
        return self.is_same_node(other) and (self.key, self.state) == (other.key, other.state)

    def is_same_node(self, other: "Entry") -> bool:
        """True if both lines are of one id and generation."""
        return (self.id, self.generation) == (other.id, other.generation)

    def _told(self, with_key: bool) -> dict[str, object]:
        told: dict[str, object] = {"id": f"{self.id:06x}"}
        if self.key is not None and with_key:
            told["key"] = self.key.value.hex()
        told |= {"generation": self.generation, "name": self.name}
        told |= {"profile": self.profile} if self.profile else {}
        told |= {"board": self.board} | _created(self.created)
        return told | ({"mac": self.mac} if self.mac else {})


@dataclass(frozen=True, slots=True)
class Block:
    """Ids that this laptop may give. gateway: the configuration of the one that gave them; empty: drawn."""

    first: int
    count: int
    created: datetime | None
    gateway: str = ""

    @property
    def ids(self) -> range:
        return range(self.first, self.first + self.count)

    def kept(self) -> str:
        """The JSON line of the fleet file."""
        told: dict[str, object] = {"block": f"{self.first:06x}", "count": self.count}
        return _json(told | ({"gateway": self.gateway} if self.gateway else {}) | _created(self.created))


def parse(line: str) -> Entry | Block | None:
    """The node or block of a line; None for anything else."""
    try:
        told = json.loads(line)
        return _block(told) if "block" in told else _entry(told)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _entry(told: dict[str, object]) -> Entry | None:
    node = int(_text(told["id"]), 16)
    if not 1 <= node <= NODE_MAX:
        return None
    return Entry(
        node,
        key_of(str(told.get("key") or "")),
        _number(told.get("generation", 0)),
        str(told.get("name") or ""),
        str(told.get("profile") or ""),
        str(told.get("board") or ""),
        _moment(told.get("created")),
        str(told.get("mac") or "").lower(),
        State(_text(told.get("state", "provisioned"))),
    )


def _block(told: dict[str, object]) -> Block | None:
    first, count = int(_text(told["block"]), 16), _number(told["count"])
    if not 1 <= first <= first + count - 1 <= NODE_MAX:
        return None
    return Block(first, count, _moment(told.get("created")), str(told.get("gateway") or ""))


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError
    return value


def _moment(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _created(moment: datetime | None) -> dict[str, object]:
    if moment is None:
        return {}
    return {"created": moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")}


def _json(told: dict[str, object]) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))
