"""The fleet file as lists show it, for people and for machines. Never its keys."""

from collections.abc import Iterator
from datetime import UTC

from lyhord_tools import show
from lyhord_tools.fleet.entries import Block, Entry
from lyhord_tools.fleet.fleet_file import Fleet
from lyhord_tools.fleet.ids import left
from lyhord_wire.outside import printable

Row = dict[str, object]


def whole(fleet: Fleet) -> dict[str, list[Row]]:
    """Nodes, one row per id, and blocks of ids."""
    return {
        "nodes": [_row(fleet, number) for number in sorted({entry.id for entry in fleet.entries})],
        "blocks": [_block(fleet, block) for block in fleet.blocks],
    }


def node(fleet: Fleet, number: int) -> Row | None:
    """One node's row; None if the file has no such node."""
    return _row(fleet, number) if number in fleet else None


def table(fleet: Fleet) -> Iterator[str]:
    """Lines for people, at most 80 columns."""
    found = whole(fleet)
    head = ("name", "id", "state", "board", "mac", "since")
    rows = [[printable(text(row[key])) for key in head] for row in found["nodes"]]
    yield from show.table(head, [[*row[:5], row[5][:10]] for row in rows])
    for block in found["blocks"]:
        source = f"reserved at {block['gateway']}" if block["gateway"] else "drawn"
        yield printable(f"ids {block['first']} to {block['last']}: {block['left']} left, {source}")


def text(value: object) -> str:
    """A cell for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " ".join(str(one) for one in value)
    return "" if value is None else str(value)


def _row(fleet: Fleet, number: int) -> Row:
    lines = fleet.in_force(number) or [entry for entry in fleet.entries if entry.id == number]
    newest = lines[-1]
    return {
        "id": f"{number:06x}",
        "name": newest.name,
        "state": str(newest.state),
        "profile": newest.profile,
        "board": newest.board,
        "mac": newest.mac or None,
        "since": _since(newest),
        "generations": [entry.generation for entry in lines],
        "key": any(entry.key is not None for entry in lines),
    }


def _since(entry: Entry) -> str | None:
    if entry.created is None:
        return None
    return entry.created.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _block(fleet: Fleet, block: Block) -> Row:
    return {
        "first": f"{block.ids[0]:06x}",
        "last": f"{block.ids[-1]:06x}",
        "left": left(fleet, block),
        "gateway": block.gateway or None,
    }
