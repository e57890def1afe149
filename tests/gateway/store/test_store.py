"""The store: schema and migrations, bounds, arrival numbers, and what survives a reopening."""

import signal
import sqlite3
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from lyhord_gateway.fleet import unknown_nodes
from lyhord_gateway.model.work import Delivered
from lyhord_gateway.store import schema
from lyhord_gateway.store.retention import used_bytes
from lyhord_gateway.store.rows import RowWriter
from lyhord_gateway.store.schema import connect, migrations, open_store
from lyhord_gateway.support.errors import UserError
from tests.gateway.bench import NOW_S, Bench, running
from tests.gateway.parts import GatewayProcess, Node, cli, until


def test_a_new_store_has_its_owner_only_and_the_newest_schema(tmp_path: Path) -> None:
    path = tmp_path / "data" / "lyhord.db"
    connection = open_store(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(migrations())
    assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2, "FULL"
    assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    connection.close()


def test_a_newer_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    connection = open_store(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(UserError, match="a newer version wrote schema 99"):
        open_store(path)


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    path.write_bytes(b"no database at all, but long enough to be read as one" * 40)
    with pytest.raises(UserError, match="cannot be used as a store"):
        open_store(path)


def test_the_unknown_nodes_of_an_older_version_are_known_on(tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    with sqlite3.connect(path, isolation_level=None) as old:
        schema.make_schema(old, 7)
        old.execute("INSERT INTO kept VALUES ('strangers', x'01020304')")
    old.close()
    connection = open_store(path)
    assert connection.execute("SELECT key, value FROM kept").fetchall() == [
        (unknown_nodes.KEY, b"\x01\x02\x03\x04")
    ]
    connection.close()


def test_a_migration_that_fails_leaves_the_old_schema(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lyhord.db"
    open_store(path).close()
    steps = migrations()
    monkeypatch.setattr(schema, "migrations", lambda: [*steps, "CREATE TABLE good (a); CREATE TABLE bad (;"])
    with pytest.raises(UserError):
        open_store(path)
    monkeypatch.setattr(
        schema, "migrations", lambda: [*steps, "CREATE TABLE good (a);\nCREATE TABLE two (b);"]
    )
    connection = open_store(path)
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(steps) + 1
    assert connection.execute(
        "SELECT count(*) FROM sqlite_schema WHERE name IN ('good', 'two')"
    ).fetchone() == (2,)
    connection.close()


_KILLED_IN_A_MIGRATION = """
import os, sys
from pathlib import Path
from lyhord_gateway.store import schema

def statements(script):
    for number in range(int(sys.argv[2])):
        yield f"CREATE TABLE new{number} (a)"
        yield f"ALTER TABLE node ADD COLUMN new{number} TEXT"
    os.kill(os.getpid(), 9)

steps = schema.migrations()
schema.migrations = lambda: [*steps, ""]
schema._statements = statements
schema.open_store(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("statements", [0, 1, 3])
def test_a_kill_in_the_middle_of_a_migration_leaves_the_old_schema(tmp_path: Path, statements: int) -> None:
    path = tmp_path / "lyhord.db"
    connection = open_store(path)
    before = connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall()
    connection.close()
    program = [sys.executable, "-c", _KILLED_IN_A_MIGRATION, str(path), str(statements)]
    assert subprocess.run(program, check=False).returncode == -signal.SIGKILL
    connection = open_store(path)
    assert connection.execute("SELECT sql FROM sqlite_schema ORDER BY name").fetchall() == before
    assert connection.execute("PRAGMA user_version").fetchone()[0] == len(migrations())
    connection.close()


async def test_a_newer_store_is_one_line_and_exit_2(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, None)
    await gateway.add(Node())
    connection = connect(tmp_path / "data" / "lyhord.db")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for command in ("run", "backlog"):
        code, _, err = await cli(command, "--config", str(gateway.config))
        assert code == 2
        assert err.count("\n") == 1 and "a newer version wrote schema 99" in err


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 99, 100, 101, 237])
def test_rows_arrive_whatever_their_number(count: int) -> None:
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE t (a, b)")
    rows = [(number, str(number)) for number in range(count)]
    RowWriter("INSERT INTO t (a, b)", 2).insert(connection, list(chain.from_iterable(rows)))
    assert connection.execute("SELECT a, b FROM t ORDER BY a").fetchall() == rows


async def test_delivered_history_goes_by_age_and_undelivered_readings_stay(tmp_path: Path) -> None:
    async with running(Bench(tmp_path / "lyhord.db", keep_days=1)) as bench:
        bench.add()
        node = Node()
        await bench.heard(node.report(count=10), heard_s=NOW_S)  # long before today
        assert bench.stored() == list(range(10))
        bench.store.submit(Delivered("city", 0, 5))
        await until(lambda: len(bench.stored()) < 10, "old history is removed")
        assert bench.stored() == list(range(4, 10))
        assert bench.retention.removed == 4
        # A sample that is removed is known all the same: sent again, it is not stored again.
        await bench.heard(node.samples(0, 10))
        assert bench.stored() == list(range(4, 10))


async def test_a_full_store_frees_delivered_history_first_and_then_refuses(tmp_path: Path) -> None:
    limit = 300_000
    async with running(Bench(tmp_path / "lyhord.db", max_bytes=limit)) as bench:
        bench.add()
        node = Node()
        while bench.metrics.counters["store.frames_not_stored"] == 0:
            await bench.heard(node.report(ack=True, count=20))
        assert used_bytes(bench.reader._connection) < 2 * limit
        acknowledged = len(bench.answers)
        assert acknowledged == bench.metrics.counters["store.frames"]
        newest = bench.stored()[-1]
        bench.store.submit(Delivered("city", 0, bench.reader.newest_arrival() + 1))
        await until(lambda: used_bytes(bench.reader._connection) < limit, "delivered history makes room")
        await until(lambda: bench.store._state == "up", "the writer sees it")
        await bench.heard(node.samples(newest + 1, 20, ack=True))
        assert bench.stored()[-21:] == list(range(newest, newest + 21))
        assert len(bench.answers) == acknowledged + 1


def log_bytes(path: Path) -> int:
    log = path.with_name(path.name + "-wal")
    return log.stat().st_size if log.exists() else 0


async def test_the_file_gives_freed_pages_back(tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    limit = 200_000
    async with running(Bench(path, max_bytes=limit)) as bench:
        bench.add()
        node = Node()
        for _ in range(250):
            await bench.heard(node.report(count=20))
            if node.seq % 200 == 0:
                bench.store.submit(Delivered("city", 0, bench.reader.newest_arrival() + 1))
        bench.store.submit(Delivered("city", 0, bench.reader.newest_arrival() + 1))
        await until(lambda: used_bytes(bench.reader._connection) <= limit, "it is within its bound")
        await bench.settled()
        bench.reader._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        assert path.stat().st_size < limit * 1.1
        assert used_bytes(bench.reader._connection) > limit / 2, "no more history went than had to"
    assert bench.retention.removed > 2000


async def test_the_oldest_undelivered_readings_go_only_if_so_configured(tmp_path: Path, caplog) -> None:
    limit, samples = 200_000, 4000
    async with running(Bench(tmp_path / "lyhord.db", max_bytes=limit, drop_undelivered=True)) as bench:
        bench.add()
        node = Node()
        bench.store.submit(Delivered("city", 0, 101))
        for _ in range(samples // 20):
            await bench.heard(node.report(ack=True, count=20))
        await until(lambda: used_bytes(bench.reader._connection) <= limit, "it is within its bound")
        await bench.settled()
        assert bench.metrics.counters["store.frames_not_stored"] == 0
        left = bench.stored()
        assert left == list(range(left[0], samples)), "the oldest went, and nothing else"
        gone = bench.metrics.counters["store.undelivered_dropped"]
        assert gone == bench.reader.dropped("city") > 0
        floor = bench.reader.cursor("city")
        assert floor == bench.watermarks.low, "the cursor goes along"
        assert bench.reader.waiting(floor)[0] == len(left) == bench.reader.newest_arrival() - floor
        assert bench.retention.removed + gone + len(left) == samples
        assert "undelivered readings dropped" in caplog.text
        await bench.heard(node.samples(0, 20))
        assert bench.stored() == left, "what was dropped is known all the same"


async def test_a_reader_that_never_ends_cannot_make_the_log_grow_without_bound(tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    bench = Bench(path)
    bench.retention.log_max_bytes = limit = 18 << 20
    reader, other = connect(path), connect(path)
    async with running(bench):
        bench.add()
        node = Node()
        await bench.heard(node.report())
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM sample").fetchone()
        for _ in range(20):
            other.execute("INSERT OR REPLACE INTO kept VALUES ('ballast', zeroblob(1000000))")
        await until(lambda: bench.metrics.states.get("store") == "held", "it is noticed")
        await bench.heard(node.report(ack=True))
        assert bench.answers == [], "nothing is acknowledged"
        assert log_bytes(path) < limit + (4 << 20)
        reader.execute("COMMIT")
        await until(lambda: bench.metrics.states["store"] == "up", "it goes on by itself")
        assert log_bytes(path) < 1 << 20
        await bench.heard(node.report(ack=True))
        assert len(bench.answers) == 1
    reader.close()
    other.close()


async def test_arrival_numbers_are_never_given_twice(tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    async with running(Bench(path)) as bench:
        bench.add()
        node = Node()
        await bench.heard(node.report(count=5))
        bench.store.submit(Delivered("city", 0, 6))
        await bench.settled()
    connection = connect(path)
    connection.execute("DELETE FROM sample")
    connection.close()
    async with running(Bench(path)) as bench:
        await bench.heard(node.report(count=2))
        assert [r.arrival for r in bench.readings()] == [6, 7], "the platform's cursor would miss others"


async def test_a_damaged_store_ends_the_writer(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "lyhord.db")
    bench.add()
    bench.connection.execute("DROP TABLE session")
    bench.connection.execute("DROP TABLE sample")
    with pytest.raises(sqlite3.Error):
        await bench.store.run()
    bench.reader.close()
