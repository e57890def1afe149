"""The readings that each platform has: a cursor, and what it acknowledged ahead of that.

    arrival numbers   0 ═════════ cursor ········ ══════ ········ ════ ▸
                       delivered          waits   ahead   waits   ahead

As ranges of arrival numbers these are half open, ascending, and the first one begins at 0: everything up to
the cursor. Adding what is there already changes nothing, so acknowledgements may come in any order and twice.
"""

import json
import sqlite3

from lyhord_gateway.model import intervals
from lyhord_gateway.model.intervals import Interval
from lyhord_gateway.support.errors import StoreDamaged

# The highest arrival number that any platform has.
NEWEST = (
    "(SELECT coalesce(max(max(cursor, coalesce(json_extract(ahead, '$[#-1][1]'), 0) - 1)), 0) FROM platform)"
)


def delivered(connection: sqlite3.Connection, platform: str) -> list[Interval]:
    """The readings that the platform has; nothing, if it is new."""
    row = connection.execute("SELECT cursor, ahead FROM platform WHERE name = ?", (platform,)).fetchone()
    found: list[Interval] = [(0, 1)]  # there is no arrival number 0
    if row is not None:
        intervals.add(found, 0, row[0] + 1)
        try:
            for first, end in json.loads(row[1]):
                intervals.add(found, first, end)
        except (ValueError, TypeError) as error:
            raise StoreDamaged(f"what platform {platform} has is not what was stored") from error
    return found


def deliver(connection: sqlite3.Connection, platform: str, first: int, end: int) -> None:
    """The platform has first … end − 1 too, or is not to have them any more."""
    found = delivered(connection, platform)
    intervals.add(found, first, end)
    (_, after), *ahead = found
    connection.execute(
        "INSERT INTO platform (name, cursor, ahead) VALUES (?, ?, ?) ON CONFLICT (name) "
        "DO UPDATE SET cursor = excluded.cursor, ahead = excluded.ahead",
        (platform, after - 1, json.dumps(ahead)),
    )
