"""The files of a killed gateway, looked at in a copy: whoever opens the store itself would do the
recovery that the next start is to be tested with."""

import shutil
import sqlite3
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.crash.city import Identity


@dataclass(frozen=True, slots=True)
class Wreck:
    """samples: identity → arrival number; oldest: of the arrival numbers that are still there."""

    samples: dict[Identity, int]
    doubled: list[Identity]
    cursor: int
    oldest: int | None


def look(store: Path) -> Wreck:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / store.name
        for suffix in ("", "-wal"):
            if (part := store.with_name(store.name + suffix)).exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
        connection = sqlite3.connect(copy)
        try:
            rows = connection.execute("SELECT node, seq, id FROM sample").fetchall()
            cursor = connection.execute("SELECT max(cursor) FROM platform").fetchone()[0] or 0
        finally:
            connection.close()
    samples: dict[Identity, int] = {}
    doubled = []
    for node, seq, arrival in rows:
        if (node, seq) in samples:
            doubled.append((node, seq))
        samples[node, seq] = arrival
    return Wreck(samples, doubled, cursor, min(samples.values(), default=None))
