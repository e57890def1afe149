"""The table of what nodes are to be told: in, out, and a look at it. The writer's side is in `dispatch.py`.

  enqueue                 an answer takes it along             the node's own words
───────────▶ waiting ───────────────────────────▶ sent ─────────────────────────────▶ confirmed
                │                                  │  └─ settings, version still another ─▶ refused
                └──────────▶ cancelled ◀───────────┘ (settings)
"""

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from lyhord_gateway.model.orders import VERSION_MAX, Order, OrderRefused
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.store.transaction import transaction
from lyhord_wire.tables import STATUS_SETTINGS_VERSION

QUEUE_MAX = 16  # orders that may be open per node; one more is refused
ORDER_MAX = (1 << 63) - 1  # an order's number, as SQLite counts
_SHOWN = 16  # orders that are over are kept so long, per node
_COLUMNS = "id, node, settings, version, command, origin, created_s, changed_s, state, tries"


@dataclass(frozen=True, slots=True)
class Entry:
    """One order with what became of it. version: settings version, None for a command; origin: `cli` or a
    platform; times in Unix seconds."""

    id: int
    node: int
    order: Order
    version: int | None
    origin: str
    created_s: int
    changed_s: int
    state: str
    tries: int


Refuse = Callable[[sqlite3.Connection, int, Mapping[int, int]], None]
"""Raises OrderRefused for settings (id → value) that would make a node unheard; `reach.py`."""


def enqueue(
    connection: sqlite3.Connection,
    node: int,
    order: Order,
    origin: str,
    now_s: int,
    refuse: Refuse | None = None,
) -> Entry:
    """Queues an order durably. Raises OrderRefused: no such node, its queue is full, or `refuse` does."""
    with transaction(connection):
        return enter_order(connection, node, order, origin, now_s, refuse)


def enter_order(
    connection: sqlite3.Connection,
    node: int,
    order: Order,
    origin: str,
    now_s: int,
    refuse: Refuse | None = None,
) -> Entry:
    """The same within the caller's transaction."""
    if connection.execute("SELECT 1 FROM node WHERE id = ?", (node,)).fetchone() is None:
        raise OrderRefused(f"{node_text(node)}: expected a node of the registry", "unknown_node")
    if refuse is not None:
        refuse(connection, node, order.settings)
    (waiting,) = connection.execute(
        "SELECT count(*) FROM downlink WHERE open = 1 AND node = ?", (node,)
    ).fetchone()
    if waiting >= QUEUE_MAX:
        raise OrderRefused(
            f"{node_text(node)}: {waiting} orders wait for this node already, cancel one first", "full"
        )
    version = _next_version(connection, node) if order.settings else None
    cursor = connection.execute(
        "INSERT INTO downlink (node, settings, version, command, origin, created_s, changed_s, state) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting')",
        (
            node,
            json.dumps(order.settings) if order.settings else None,
            version,
            json.dumps(order.command) if order.command else None,
            origin,
            now_s,
            now_s,
        ),
    )
    connection.execute(
        "DELETE FROM downlink WHERE open = 0 AND node = ?1 AND id NOT IN "
        "(SELECT id FROM downlink WHERE open = 0 AND node = ?1 ORDER BY id DESC LIMIT ?2)",
        (node, _SHOWN),
    )
    return Entry(cursor.lastrowid or 0, node, order, version, origin, now_s, now_s, "waiting", 0)


def _next_version(connection: sqlite3.Connection, node: int) -> int:
    """A number that this node's settings have not had: above the queue's and the node's own."""
    (given,) = connection.execute(
        "SELECT coalesce(max(version), 0) FROM downlink WHERE node = ?", (node,)
    ).fetchone()
    row = connection.execute("SELECT status FROM session WHERE node = ?", (node,)).fetchone()
    status = json.loads(row[0]) if row and row[0] else {}
    newest = max(int(given), int(status.get(str(STATUS_SETTINGS_VERSION), 0)))
    return newest + 1 if newest < VERSION_MAX else 1


def cancel(connection: sqlite3.Connection, number: int, now_s: int) -> None:
    """Takes an order back. Raises OrderRefused if it is not there, or over, or a command that is sent."""
    cursor = connection.execute(
        "UPDATE downlink SET state = 'cancelled', open = 0, changed_s = ? WHERE id = ? AND open = 1 "
        "AND (state = 'waiting' OR settings IS NOT NULL)",
        (now_s, number),
    )
    if cursor.rowcount:
        return
    row = connection.execute("SELECT state FROM downlink WHERE id = ?", (number,)).fetchone()
    raise OrderRefused(
        f"{number}: expected an order that waits, this one is {row[0] if row else 'not there'}"
    )


def entries(connection: sqlite3.Connection, node: int | None = None) -> list[Entry]:
    """All orders, or those of one node, oldest first."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM downlink WHERE ?1 IS NULL OR node = ?1 ORDER BY id",  # noqa: S608
        (node,),
    )
    return [Entry(row[0], row[1], order_of(row[2], row[4]), row[3], *row[5:]) for row in rows]


def order_of(settings: str | None, command: str | None) -> Order:
    """The order in the columns `settings` and `command`."""
    return Order(
        {int(key): value for key, value in json.loads(settings or "{}").items()},
        tuple(json.loads(command or "[]")),
    )
