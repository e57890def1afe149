"""A node's sample numbers taken back to where they are plausible, after a frame that lied about them.

    received, given up   ═══════════════╌╌╌╌╌╌╌╌╌╌╌╌═    a number far ahead, and all below it given up
                                        ▲ end
    afterwards           ═══════════════

The counters of frames stay: replay windows belong to a key, and no downlink counter is ever used twice.
Everything here works within a transaction of the caller.
"""

import sqlite3

from lyhord_gateway.model.intervals import Interval
from lyhord_gateway.store.recovery.promises import keep_high
from lyhord_gateway.store.session import JUMP_MAX, Session


def plausible_end(connection: sqlite3.Connection, session: Session) -> int:
    """The number after the newest stored sample that no leap of more than JUMP_MAX lies below."""
    end = session.base
    first = True
    for (seq,) in connection.execute(
        "SELECT seq FROM sample WHERE node = ? AND seq >= ? ORDER BY seq", (session.node, end)
    ):
        if seq - end > JUMP_MAX and not first:
            break
        end, first = seq + 1, False
    return end


def renumber(connection: sqlite3.Connection, session: Session, end: int) -> int:
    """The session knows nothing of numbers from `end` on any more; samples stored under them are removed, as
    honest ones will come under the same. Returns how many. The caller writes the session."""
    session.received = _below(session.received, end)
    session.given_up = _below(session.given_up, end)
    session.expected = min(session.expected, end)
    keep_high(connection)
    return connection.execute("DELETE FROM sample WHERE node = ? AND seq >= ?", (session.node, end)).rowcount


def _below(found: list[Interval], end: int) -> list[Interval]:
    return [(first, min(last, end)) for first, last in found if first < end]
