"""A damaged store: what was acknowledged and can be read is kept, whatever was damaged."""

import asyncio
import os
import random
import shutil
import sqlite3
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_gateway.faults import StoreDamaged, UserFault
from lyhord_gateway.store import recover
from lyhord_gateway.store.recover import damage_in, mark_damaged, open_sound
from lyhord_gateway.store.salvage import Salvaged
from lyhord_gateway.store.schema import connect, open_store
from tests.gateway.killed_store import (
    DELIVERED,
    NODES,
    OTHERS,
    Store,
    a_killed_gateways_store,
    rows,
)

PAGE = 4096
FRAME = PAGE + 24


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return asyncio.run(a_killed_gateways_store(tmp_path_factory))


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def recovered(path: Path, platforms: tuple[str, ...] = ("city",)) -> tuple[sqlite3.Connection, Salvaged]:
    connection, salvaged = open_sound(path, platforms)
    assert salvaged is not None, "the damage was not noticed"
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return connection, salvaged


def judge(
    store: Store, connection: sqlite3.Connection, gone: set[object], sessions_gone: bool = False
) -> None:
    """What waited is there unchanged except `gone`; no counter comes again."""
    wanted = {key: row for key, row in store.samples.items() if key > DELIVERED}  # type: ignore[operator]
    found = rows(connection, "sample")
    lost = wanted.keys() - found.keys()
    assert lost == gone & wanted.keys()
    assert all(wanted[key] == row for key, row in found.items() if key in wanted)
    assert rows(connection, "node") == store.nodes or sessions_gone
    sessions = rows(connection, "session")
    keys = rows(connection, "node_key", 2)
    assert set(keys.items()) <= set(store.keys.items())
    for node, _ in keys:
        assert sessions[node][4] > (store.sessions[node][4] if node in store.sessions else 0)
    if not sessions_gone:
        assert {table: rows(connection, table) for table in OTHERS} == store.others
        assert keys == store.keys
        assert [row[1:4] for _, row in sorted(sessions.items()) if row[0] in store.sessions] == [
            row[1:4] for _, row in sorted(store.sessions.items())
        ]
    connection.close()


HEADERS: dict[str, Callable[[random.Random], bytes]] = {
    "100 random bytes": lambda rng: rng.randbytes(100),
    "one page of zeros": lambda rng: bytes(PAGE),
    "one page of noise": lambda rng: rng.randbytes(PAGE),
    "the magic alone": lambda rng: b"X" * 16,
}


@pytest.mark.parametrize("what", HEADERS)
def test_a_header_that_is_overwritten_costs_no_reading(what: str, store: Store, tmp_path: Path) -> None:
    store.leaves(tmp_path)  # no log, in which page 1 would still be whole
    path = tmp_path / "lyhord.db"
    before = path.read_bytes()
    overwrite(path, 0, HEADERS[what](random.Random(1)))
    connection, salvaged = recovered(path)
    assert salvaged.readings == len(store.samples) - DELIVERED
    assert salvaged.without_key in (0, 1), "only the node that was never heard"
    assert {table: rows(connection, table) for table in OTHERS} == store.others
    judge(store, connection, set(), sessions_gone=True)
    assert connect(path).execute("SELECT name, cursor FROM platform").fetchall() == [("city", DELIVERED)]
    (aside,) = tmp_path.glob("lyhord.damaged-*.db")
    assert aside.read_bytes()[PAGE:] == before[PAGE:]


@pytest.mark.parametrize("noise", [False, True], ids=["zeros", "noise"])
@pytest.mark.parametrize("seed", range(2))
def test_pages_in_the_middle_cost_what_is_on_them(
    seed: int, noise: bool, store: Store, tmp_path: Path
) -> None:
    rng = random.Random(seed)
    pages = store.leaves(tmp_path)
    hit = rng.sample(sorted(pages), 4)
    path = tmp_path / "lyhord.db"
    for page in hit:
        overwrite(path, (page - 1) * PAGE, rng.randbytes(PAGE) if noise else bytes(PAGE))
    connection, salvaged = recovered(path)
    assert salvaged.holes >= len(hit)
    judge(store, connection, {row for page in hit for row in pages[page]})


@pytest.mark.parametrize("kind", ["internal", "pointer map"])
def test_what_only_leads_to_rows_costs_none(kind: str, store: Store, tmp_path: Path) -> None:
    store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    look = connect(path)
    pages = [2]
    if kind == "internal":
        pages = [p for (p,) in look.execute("SELECT pageno FROM dbstat WHERE pagetype = 'internal'")]
    look.close()
    for page in pages:
        overwrite(path, (page - 1) * PAGE, bytes(PAGE))
    connection, salvaged = recovered(path)
    assert salvaged.readings == len(store.samples) - DELIVERED
    judge(store, connection, set(), sessions_gone=True)


def test_a_lost_session_takes_its_keys_along(store: Store, tmp_path: Path) -> None:
    pages = store.leaves(tmp_path, "session")
    path = tmp_path / "lyhord.db"
    page = random.Random(3).choice(sorted(pages))
    overwrite(path, (page - 1) * PAGE, bytes(PAGE))
    connection, salvaged = recovered(path)
    assert salvaged.without_key == len(pages[page]) + 1, "those on the page and the one never heard"
    keys = {node for node, _ in rows(connection, "node_key", 2)}
    assert keys.isdisjoint(pages[page])
    assert connection.execute("SELECT count(*) FROM node").fetchone() == (NODES + 1,), "they are still known"
    judge(store, connection, set(), sessions_gone=True)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.7, 0.999])
def test_a_file_that_is_cut_off(share: float, store: Store, tmp_path: Path) -> None:
    pages = store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    size = int(path.stat().st_size * share)
    with path.open("r+b") as file:
        file.truncate(size)
    if not size:
        shutil.copyfile(store.folder / "lyhord.db-wal", tmp_path / "lyhord.db-wal")
        connection, salvaged = recovered(path)
        assert store.wal_samples <= rows(connection, "sample").keys()
        judge(store, connection, store.samples.keys() - rows(connection, "sample").keys(), True)
        return
    connection, _ = recovered(path)
    lost = {row for page, ids in pages.items() if page * PAGE > size for row in ids}
    judge(store, connection, lost, sessions_gone=True)


def frames(path: Path) -> int:
    return (path.stat().st_size - 32) // FRAME


@pytest.mark.parametrize("where", ["first frame", "quarter", "half", "before the last"])
def test_a_hole_in_the_log_costs_what_is_in_the_hole(where: str, store: Store, tmp_path: Path) -> None:
    path = store.copy(tmp_path)
    wal = tmp_path / "lyhord.db-wal"
    count = frames(wal)
    at = {"first frame": 0, "quarter": count // 4, "half": count // 2, "before the last": count - 2}[where]
    overwrite(wal, 32 + at * FRAME, random.Random(4).randbytes(FRAME))
    connection, _ = recovered(path)
    lost = store.samples.keys() - rows(connection, "sample").keys() - set(range(DELIVERED + 1))
    assert len(lost) <= 100, "not more than one page holds"
    judge(store, connection, set(lost), sessions_gone=True)


@pytest.mark.parametrize("length", [32, 512, PAGE])
def test_a_log_without_its_header(length: int, store: Store, tmp_path: Path) -> None:
    path = store.copy(tmp_path)
    overwrite(tmp_path / "lyhord.db-wal", 0, random.Random(5).randbytes(length))
    connection, _ = recovered(path)
    lost = store.samples.keys() - rows(connection, "sample").keys() - set(range(DELIVERED + 1))
    assert len(lost) <= 100
    judge(store, connection, set(lost), sessions_gone=True)


@pytest.mark.parametrize("cut", ["torn", "noise"])
def test_the_end_of_the_log_may_be_torn_and_no_counter_comes_again(
    cut: str, store: Store, tmp_path: Path
) -> None:
    """Nobody can tell a commit that was lost whole from one that never was: only counters are left out."""
    path = store.copy(tmp_path)
    wal = tmp_path / "lyhord.db-wal"
    keep = 32 + (frames(wal) - 3) * FRAME + 100
    noise = b"" if cut == "torn" else random.Random(6).randbytes(wal.stat().st_size - keep)
    with wal.open("r+b") as file:
        file.truncate(keep)
        file.seek(keep)
        file.write(noise)
    connection, salvaged = open_sound(path, ["city"])
    assert salvaged is None
    for node, row in rows(connection, "session").items():
        assert row[4] > store.sessions[node][4]
    connection.close()


def test_a_store_that_was_only_killed_is_sound(store: Store, tmp_path: Path) -> None:
    connection, salvaged = open_sound(store.copy(tmp_path), ["city"])
    assert salvaged is None
    assert rows(connection, "sample") == store.samples
    connection.close()
    assert list(tmp_path.glob("*damaged*")) == []


def test_nothing_but_noise_is_set_aside_and_a_fresh_store_takes_over(store: Store, tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    path.write_bytes(random.Random(7).randbytes(40 * PAGE))
    connection, salvaged = recovered(path)
    assert (salvaged.nodes, salvaged.readings) == (0, 0) and salvaged.holes > 30
    connection.close()


def test_the_history_is_saved_for_a_platform_that_has_nothing_yet(store: Store, tmp_path: Path) -> None:
    store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    overwrite(path, 0, bytes(100))
    connection, salvaged = recovered(path, ("city", "new"))
    assert salvaged.readings == len(store.samples)
    assert rows(connection, "sample") == store.samples
    connection.close()


def test_damage_that_was_marked_is_recovered_though_nothing_is_seen(store: Store, tmp_path: Path) -> None:
    path = store.copy(tmp_path)
    mark_damaged(path, "a query failed")
    connection, salvaged = recovered(path)
    assert salvaged.holes == 0
    judge(store, connection, set())
    connection, again = open_sound(path, ["city"])
    assert again is None, "once"
    connection.close()


def test_what_is_taken_for_damage(tmp_path: Path) -> None:
    connection = open_store(tmp_path / "lyhord.db")
    connection.execute("INSERT INTO node (id) VALUES (1)")
    for statement, damage in (
        ("INSERT INTO node (id) VALUES (1)", "UNIQUE constraint failed: node.id"),
        ("INSERT INTO rotation VALUES (7, 1, 1, NULL)", None),  # no such node: a bug, or a stranger's wish
        ("SELECT * FROM nothing", None),
    ):
        with pytest.raises(sqlite3.DatabaseError) as caught:
            connection.execute(statement)
        assert damage_in(ExceptionGroup("tasks", [ExceptionGroup("inner", [caught.value])])) == damage
    assert damage_in(ExceptionGroup("tasks", [ValueError(), StoreDamaged("so it is")])) == "so it is"
    connection.close()


def test_a_newer_store_is_refused_and_not_recovered(store: Store, tmp_path: Path) -> None:
    path = store.copy(tmp_path)
    connection = connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    mark_damaged(path, "whatever")
    with pytest.raises(UserFault, match="a newer version wrote schema 99"):
        open_sound(path, ["city"])
    assert {p.name for p in tmp_path.iterdir()} <= {
        "lyhord.db",
        "lyhord.db-wal",
        "lyhord.db-shm",
        "lyhord.damage",
    }


class Crash(Exception):
    pass


class Fuse:
    """Crashes before the n-th change of the folder; 0: never."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        for name in ("rename", "unlink", "touch", "mkdir"):
            monkeypatch.setattr(Path, name, self._counted(getattr(Path, name)))
        monkeypatch.setattr(recover, "salvage", self._counted(recover.salvage))

    def _counted(self, change: Callable) -> Callable:
        def counted(*arguments, **options):
            self.left -= 1
            if self.left == 0:
                raise Crash
            return change(*arguments, **options)

        return counted


def test_a_crash_at_every_step_of_the_recovery(store: Store, tmp_path: Path, monkeypatch) -> None:
    """Every change of the folder is a step; after a crash before any of them the next start recovers."""
    fuse = Fuse(monkeypatch)
    crashes = 0
    while True:
        folder = tmp_path / str(crashes)
        os.mkdir(folder)
        path = store.copy(folder)
        overwrite(folder / "lyhord.db-wal", 32 + 5 * FRAME, bytes(100))
        fuse.left = crashes + 1
        try:
            open_sound(path, ["city"])[0].close()
        except Crash:
            fuse.left = 0
            connection, _ = open_sound(path, ["city"])
        else:
            break
        lost = store.samples.keys() - rows(connection, "sample").keys() - set(range(DELIVERED + 1))
        assert len(lost) <= 100, f"crash {crashes}"
        judge(store, connection, set(lost), sessions_gone=True)
        damaged = {part.name.partition(".db")[2] for part in folder.glob("lyhord.damaged-*")}
        assert {"", "-wal"} <= damaged, f"crash {crashes}"
        assert not list(folder.glob("*salvaged*")), f"crash {crashes}"
        crashes += 1
    assert crashes >= 8


def test_only_the_newest_damaged_files_are_kept(store: Store, tmp_path: Path) -> None:
    for day in range(1, 6):
        (tmp_path / f"lyhord.damaged-2026010{day}T000000Z.db").write_bytes(b"old")
    store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    overwrite(path, 0, bytes(100))
    recovered(path)[0].close()
    kept = sorted(p.name for p in tmp_path.glob("lyhord.damaged-*.db"))
    assert len(kept) == 3 and kept[0] == "lyhord.damaged-20260104T000000Z.db"


def test_a_disk_that_cannot_be_read_is_damage_too(store: Store, tmp_path: Path, monkeypatch) -> None:
    path = store.copy(tmp_path)
    mark_damaged(path, "disk I/O error")
    read = os.pread

    def failing(file: int, length: int, place: int) -> bytes:
        if place == 6 * PAGE:
            raise OSError(5, "Input/output error")
        return read(file, length, place)

    monkeypatch.setattr(os, "pread", failing)
    connection, _ = recovered(path)
    assert connection.execute("SELECT count(*) FROM sample").fetchone()[0] > 1000
    connection.close()


def test_the_checksum_is_sqlites(store: Store) -> None:
    """An independent walk over the log: every frame's checksum from the one before."""
    from lyhord_gateway.store.wal import read_wal

    wal = store.folder / "lyhord.db-wal"
    found = read_wal(wal, 512)
    assert not found.overlooked
    pages = {struct.unpack_from(">I", wal.read_bytes(), 32 + at * FRAME)[0] for at in range(frames(wal))}
    assert set(found.pages) == pages
