"""A store as a killed gateway leaves it, for tests that damage it."""

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from lyhord_gateway.store.schema import connect
from lyhord_gateway.work import Advance, Keep
from tests.gateway.bench import Bench, running
from tests.gateway.parts import Node

NODES = 40
SILENT = 0xFF0001  # known, never heard
DELIVERED = 700
OTHERS = ("downlink", "rotation", "mark", "kept")

Rows = dict[object, tuple]


@dataclass(frozen=True)
class Store:
    """A store as a killed gateway leaves it, file and log, and what is in it."""

    folder: Path
    samples: Rows
    sessions: Rows
    keys: Rows
    nodes: Rows
    others: dict[str, Rows]  # of the tables that are simply copied
    wal_samples: set[int]  # arrival numbers that only the log knows

    def copy(self, to: Path) -> Path:
        for part in self.folder.glob("lyhord.db*"):
            shutil.copyfile(part, to / part.name)
        return to / "lyhord.db"

    def leaves(self, to: Path, table: str = "sample") -> dict[int, list[int]]:
        """Puts a copy without a log there; leaf page → row numbers on it, as SQLite says."""
        path = self.copy(to)
        connection = connect(path)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        ids = [row[0] for row in connection.execute(f"SELECT rowid FROM {table} ORDER BY rowid")]  # noqa: S608
        found: dict[int, list[int]] = {}
        for page, cells in connection.execute(
            "SELECT pageno, ncell FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path", (table,)
        ).fetchall():
            found[page], ids = ids[:cells], ids[cells:]
        connection.close()
        assert not ids
        return found


def rows(connection: sqlite3.Connection, table: str, key: int = 1) -> Rows:
    found = connection.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608
    return {row[0] if key == 1 else row[:key]: row for row in found}


async def a_killed_gateways_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("store")
    path = folder / "lyhord.db"
    nodes = [Node(0xA01 + at, bytes([at]) * 16) for at in range(NODES)]
    bench = Bench(path)
    bench.add(SILENT)
    for node in nodes:
        bench.add(node.id, node.key, name=f"Storgatan {node.id}", latitude=59.1)
    aside = tmp_path_factory.mktemp("killed")
    async with running(bench):
        for turn in range(25):
            for node in nodes:
                bench.hear(node.report(ack=True, count=3))
            await bench.settled()
            if turn == 18:
                bench.store.submit(Advance("city", 0, DELIVERED + 1))
                bench.store.submit(Keep("duty.roof", bytes(9000)))  # longer than two pages
                await bench.settled()
                look = connect(path)
                _fill_other_tables(look)
                look.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                before = set(rows(look, "sample"))
                look.close()
        for part in folder.glob("lyhord.db*"):
            shutil.copyfile(part, aside / part.name)
        look = connect(path)
        whole = Store(
            aside,
            rows(look, "sample"),
            rows(look, "session"),
            rows(look, "node_key", 2),
            rows(look, "node"),
            {table: rows(look, table) for table in OTHERS},
            set(rows(look, "sample")) - before,
        )
        look.close()
    (aside / "lyhord.db-shm").unlink()
    assert len(whole.wal_samples) > 500
    return whole


def _fill_other_tables(connection: sqlite3.Connection) -> None:
    for number in range(1, 60):
        settings, command = ('{"3": 80}', None) if number % 2 else (None, "[4, 5]")
        connection.execute(
            "INSERT INTO downlink (node, settings, version, command, origin, created_s, changed_s, state) "
            "VALUES (?, ?, ?, ?, 'cli', 1, 2, 'waiting')",
            (0xA01 + number % NODES, settings, number if settings else None, command),
        )
    connection.execute("INSERT INTO rotation VALUES (0xA01, 1, 3, NULL), (0xA02, 2, 3, 4)")
    connection.execute("INSERT OR REPLACE INTO mark VALUES (0xA01, x'0102'), (0xA02, zeroblob(300))")
