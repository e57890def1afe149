"""A store as a killed gateway leaves it, for tests that damage it, and what must come out of it again."""

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from lyhord_gateway.model.work import Delivered, Keep
from lyhord_gateway.store.recovery.recover import open_sound
from lyhord_gateway.store.recovery.salvage import Salvaged
from lyhord_gateway.store.schema import connect
from tests.gateway.bench import Bench, running
from tests.gateway.parts import Node

NODES = 40
SILENT = 0xFF0001  # known, never heard
DELIVERED = 700
PAGE = 4096
FRAME = PAGE + 24  # of the log
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

    @property
    def waiting(self) -> Rows:
        """Samples that the platform has not got."""
        return {key: row for key, row in self.samples.items() if key > DELIVERED}  # type: ignore[operator]

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


def others(connection: sqlite3.Connection) -> dict[str, Rows]:
    """The tables that are simply copied, without what a start writes down for itself."""
    found = {table: rows(connection, table) for table in OTHERS}
    for key in ("store.identity", "store.downlink_floor", "store.loss", "store.head"):
        found["kept"].pop(key, None)
    return found


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def frames(path: Path) -> int:
    return (path.stat().st_size - 32) // FRAME


def recovered(path: Path, platforms: tuple[str, ...] = ("city",)) -> tuple[sqlite3.Connection, Salvaged]:
    connection, salvaged = open_sound(path, platforms)
    assert salvaged is not None, "the damage was not noticed"
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return connection, salvaged


def missing(store: Store, connection: sqlite3.Connection) -> set[object]:
    """The readings that waited in the store and are not there any more."""
    return store.waiting.keys() - rows(connection, "sample").keys()


def judge(
    store: Store, connection: sqlite3.Connection, gone: set[object], sessions_gone: bool = False
) -> None:
    """Checks that what waited is there unchanged except `gone`, and that no counter comes again."""
    wanted = store.waiting
    assert missing(store, connection) == gone & wanted.keys()
    found = rows(connection, "sample")
    assert all(wanted[key] == row for key, row in found.items() if key in wanted)
    assert rows(connection, "node") == store.nodes or sessions_gone
    sessions = rows(connection, "session")
    keys = rows(connection, "node_key", 2)
    assert set(keys.items()) <= set(store.keys.items())
    for node, _ in keys:
        assert sessions[node][4] > (store.sessions[node][4] if node in store.sessions else 0)
    if not sessions_gone:
        assert others(connection) == store.others
        assert keys == store.keys
        assert [row[1:4] for _, row in sorted(sessions.items()) if row[0] in store.sessions] == [
            row[1:4] for _, row in sorted(store.sessions.items())
        ]
    connection.close()


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
                bench.store.submit(Delivered("city", 0, DELIVERED + 1))
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
            others(look),
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
