"""Ids that the gateway gives: 000001 to 7fffff in turn, each once for ever.

    given = the greater of what was reserved and the highest id that the store has ever seen in the range
    reserve: given + 1 … given + count ─▶ given += count, durable before anybody is told

Ids above are drawn by laptops without a gateway (`lyhord_wire.ids`): they enter the registry as any other,
and move nothing here.
"""

import sqlite3

from lyhord_gateway.fleet.admission import removed
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.support.errors import UserError
from lyhord_wire.ids import GATEWAY_LAST

RESERVE_MAX = 4096  # ids at once; a slip of the finger does not use up the range
_RESERVED = "ids.reserved"  # a row of `kept`: the highest id that was given in a block


def next_id(connection: sqlite3.Connection) -> int:
    """The lowest id above all of the gateway's range that were ever given or heard of. Raises UserError when
    there is none."""
    given = _given(connection)
    if given >= GATEWAY_LAST:
        raise UserError(f"no node id is free up to {node_text(GATEWAY_LAST)}, expected --id")
    return given + 1


def reserve(connection: sqlite3.Connection, count: int) -> range:
    """Gives `count` ids in a row away: they are never given again, whether they are used or not. Raises
    UserError when there are not so many."""
    with transaction(connection):
        given = _given(connection)
        if count > GATEWAY_LAST - given:
            last = node_text(GATEWAY_LAST)
            raise UserError(f"--count {count}: expected up to {GATEWAY_LAST - given}, ids end at {last}")
        connection.execute(
            "INSERT OR REPLACE INTO kept (key, value) VALUES (?, ?)",
            (_RESERVED, str(given + count).encode()),
        )
    return range(given + 1, given + count + 1)


def _given(connection: sqlite3.Connection) -> int:
    (highest,) = connection.execute(
        "SELECT max((SELECT coalesce(max(id), 0) FROM node WHERE id <= ?1), "
        "(SELECT coalesce(max(node), 0) FROM session WHERE node <= ?1), "
        "(SELECT coalesce(max(node), 0) FROM sample WHERE node <= ?1))",
        (GATEWAY_LAST,),
    ).fetchone()
    found = connection.execute("SELECT value FROM kept WHERE key = ?", (_RESERVED,)).fetchone()
    gone = [node for node in removed(connection) if node <= GATEWAY_LAST]
    return max([int(highest), int(bytes(found[0])) if found else 0, *gone])
