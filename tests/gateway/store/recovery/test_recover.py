"""A damaged store is noticed, recovered step by step, and set aside."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_gateway.store.recovery import recover
from lyhord_gateway.store.recovery.recover import damage_in, mark_damaged, open_sound
from lyhord_gateway.store.schema import connect, open_store
from lyhord_gateway.support.errors import StoreDamaged, UserError
from tests.gateway.killed_store import (
    FRAME,
    PAGE,
    Store,
    judge,
    missing,
    overwrite,
    recovered,
    rows,
)


def test_a_store_that_was_only_killed_is_sound(store: Store, tmp_path: Path) -> None:
    connection, salvaged = open_sound(store.copy(tmp_path), ["city"])
    assert salvaged is None
    assert rows(connection, "sample") == store.samples
    connection.close()
    assert list(tmp_path.glob("*damaged*")) == []


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
        (
            "INSERT INTO rotation VALUES (7, 1, 1, NULL)",
            None,
        ),  # no such node: a bug, or an unknown node's wish
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
    with pytest.raises(UserError, match="a newer version wrote schema 99"):
        open_sound(path, ["city"])
    assert {p.name for p in tmp_path.iterdir()} <= {
        "lyhord.db",
        "lyhord.db-wal",
        "lyhord.db-shm",
        "lyhord.damage",
        "lyhord.db-witness",
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
        lost = missing(store, connection)
        assert len(lost) <= 100, f"crash {crashes}"
        judge(store, connection, lost, sessions_gone=True)
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
