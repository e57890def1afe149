"""Nodes from one place to another: files into the fleet, the fleet into files and into a gateway.

Nothing here replaces a key unless the id was named. Ids whose keys are elsewhere stay taken.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.entries import Entry, State, parse
from lyhord_tools.fleet.fleet_file import Fleet
from lyhord_tools.fleet.gateway import Gateway
from lyhord_tools.fleet.keys import read_text

_KEYS_MAX = 2  # the air tells only even generations from odd ones


def read_nodes(path: Path) -> list[Entry]:
    """Nodes of a fleet file, of `nodes export` or of `nodes add`. Blocks of ids stay with the file that has
    them, and so do runs that were not finished. Raises ToolError."""
    found = []
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        one = parse(line)
        if one is None:
            raise ToolError(f"{path}, line {number}: not a node's entry")
        if isinstance(one, Entry) and one.state is not State.pending:
            found.append(one)
    return found


def in_service(fleet: Fleet) -> dict[int, list[Entry]]:
    """Provisioned nodes, each with its lines of the newest generations, the newest last."""
    nodes: dict[int, list[Entry]] = {}
    for entry in fleet.entries:
        if entry.state is State.provisioned:
            nodes.setdefault(entry.id, []).append(entry)
    return {node: lines[-_KEYS_MAX:] for node, lines in sorted(nodes.items())}


def export(fleet: Fleet, with_keys: bool) -> list[str]:
    """Lines as `lyhord-gateway nodes import` and `lyhord fleet import` read them."""
    lines = []
    for entries in in_service(fleet).values():
        lines += [one.line(with_keys) for one in (entries if with_keys else entries[-1:])]
    return lines


@dataclass(frozen=True, slots=True)
class Sent:
    """The end of `to_gateway`: ids that it was told of, ids that it knew, and why it refused others."""

    entered: tuple[int, ...]
    known: tuple[int, ...]
    refused: tuple[tuple[int, str], ...]


def to_gateway(
    fleet: Fleet,
    gateway: Gateway,
    replacing: Collection[int] = (),
    done: Callable[[int, int], None] = lambda _done, _all: None,
) -> Sent:
    """Enters every provisioned node that the gateway lacks. Again is the same as once.

    replacing: ids that go to another device there. done: is told how many of how many were looked at. Raises
    ToolError when the gateway answers nothing at all.
    """
    there = gateway.generations()
    known, wanted, refused = [], [], []
    for node, lines in in_service(fleet).items():
        newest = lines[-1]
        # Of keys that the gateway has made since, this file knows nothing: they are newer.
        if any(_is_after(one, newest.generation) for one in there.get(node, [])) and node not in replacing:
            known.append(node)
        elif newest.key is not None:
            wanted.append(newest)
        elif node in there:
            known.append(node)
        else:
            refused.append((node, "its key is not in the fleet file any more"))
    before = {entry.id for entry in wanted if entry.generation in there.get(entry.id, [])}
    taken, more = _enter(gateway, wanted, [one for one in replacing if one not in known], done)
    entered = [node for node in taken if node not in before or node in replacing]
    known += [node for node in taken if node in before and node not in replacing]
    return Sent(tuple(entered), tuple(sorted(known)), tuple(sorted([*refused, *more])))


def _enter(
    gateway: Gateway, wanted: Sequence[Entry], replacing: Collection[int], done: Callable[[int, int], None]
) -> tuple[list[int], list[tuple[int, str]]]:
    """Ids that it took, and ids that it refused with its reasons."""
    if not wanted:
        return [], []
    replaced = [one.id for one in wanted if one.id in replacing]
    try:
        gateway.enter([one.line() for one in wanted], replaced)
    except ToolError as fault:
        if len(wanted) == 1:
            return [], [(wanted[0].id, str(fault))]
    else:
        return [one.id for one in wanted], []
    # Somebody is refused: one by one, so that the others are not.
    taken, refused = [], []
    for number, one in enumerate(wanted, 1):
        try:
            gateway.enter([one.line()], [one.id] if one.id in replacing else [])
            taken.append(one.id)
        except ToolError as fault:
            refused.append((one.id, str(fault)))
        done(number, len(wanted))
    return taken, refused


def _is_after(generation: int, other: int) -> bool:
    """In the order of eight bits, which wraps."""
    return generation != other and (generation - other) % 256 < 128
