"""Ids for new nodes: out of a gateway, or out of a block that this laptop has.

    --gateway         what that gateway has reserved for this file and nobody used yet, else one more of it
    without           a gateway's block, then a drawn one, then a newly drawn one (`lyhord_wire.ids`)

Every block is in the fleet file before one of its ids is used. A file that was deleted draws another block,
so no id is given twice.
"""

import secrets
from datetime import UTC, datetime
from pathlib import Path

from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.entries import Block
from lyhord_tools.fleet.fleet_file import Fleet
from lyhord_tools.fleet.gateway import Gateway
from lyhord_wire.ids import BLOCK, LAPTOP_BLOCKS, LAPTOP_FIRST

_MOST_AT_ONCE = 256


def free_id(fleet: Fleet, gateway: Gateway | None = None) -> int:
    """An id that nobody has. Raises ToolError."""
    if gateway is not None:
        return _of_gateway(fleet, gateway)
    for block in sorted(fleet.blocks, key=lambda block: not block.gateway):
        if (node := _next(fleet, block)) is not None:
            return node
    fleet.add_block(_drawn(fleet))
    return free_id(fleet)


def reserve(fleet: Fleet, gateway: Gateway, count: int) -> Block:
    """A block of the gateway's ids, for work without it. Raises ToolError."""
    ids = gateway.reserve(count)
    block = Block(ids[0], len(ids), datetime.now(UTC), _name(gateway.config))
    fleet.add_block(block)
    return block


def left(fleet: Fleet, block: Block) -> int:
    """The number of ids of the block that nobody has yet."""
    node = _next(fleet, block)
    return 0 if node is None else block.ids.stop - node


def _of_gateway(fleet: Fleet, gateway: Gateway) -> int:
    count = 1
    while True:
        for block in fleet.blocks:
            if block.gateway == _name(gateway.config) and (node := _next(fleet, block)) is not None:
                return node
        reserve(fleet, gateway, count)  # again where nodes of the file have these ids already
        count = min(2 * count, _MOST_AT_ONCE)


def _next(fleet: Fleet, block: Block) -> int | None:
    """The lowest of the block above all that are taken."""
    taken = [entry.id for entry in fleet.entries if entry.id in block.ids]
    node = max(taken, default=block.first - 1) + 1
    return node if node in block.ids else None


def _drawn(fleet: Fleet) -> Block:
    had = {entry.id // BLOCK for entry in fleet.entries} | {block.first // BLOCK for block in fleet.blocks}
    free = [number for number in range(LAPTOP_BLOCKS) if LAPTOP_FIRST // BLOCK + number not in had]
    if not free:
        raise ToolError(f"{fleet.path}: no block of ids is free; expected --id")
    return Block(LAPTOP_FIRST + BLOCK * secrets.choice(free), BLOCK, datetime.now(UTC))


def _name(config: Path) -> str:
    return str(config.resolve())
