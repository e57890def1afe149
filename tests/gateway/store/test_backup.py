"""Copies of the store: made under load, put back with no downlink counter used twice."""

import os
import shutil
import sqlite3
import stat
import time
from pathlib import Path
from typing import IO

import pytest

from lyhord_gateway.store import backup as module
from lyhord_gateway.store.backup import back_up, restore
from lyhord_gateway.store.schema import connect, open_store
from lyhord_gateway.support.errors import UserError
from lyhord_gateway.support.instance_lock import instance_lock
from lyhord_wire.frame import COUNTER_MAX
from tests.gateway.bench import Bench, running
from tests.gateway.parts import GatewayProcess, Node, cli, connected, next_message


def copied(path: Path, target: Path) -> Path:
    back_up(path, target, lambda left, total: None)
    return target


async def acknowledged(gateway: GatewayProcess, node: Node) -> None:
    async with connected(gateway.port, node.down) as client:
        await client.publish(node.up, node.report(ack=True), qos=1)
        payload = (await next_message(client)).payload
        assert isinstance(payload, bytes)
        node.open(payload)


async def test_a_gateway_goes_back_in_time_and_repeats_no_nonce(tmp_path: Path) -> None:
    node, copy = Node(), tmp_path / "copy.db"
    async with GatewayProcess(tmp_path, None) as gateway:
        await gateway.add(node)
        await acknowledged(gateway, node)
        out = await gateway.cli("backup", str(copy))
        assert out == f"{copy}: {copy.stat().st_size} bytes\n"
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        for _ in range(3):
            await acknowledged(gateway, node)
        code, _, err = await cli("restore", str(copy), "--config", str(gateway.config))
        assert code == 2 and "another lyhord-gateway is running" in err
        assert await gateway.terminate() == 0
        out = await gateway.cli("restore", str(copy))
        assert "1 nodes and 1 readings" in out and "set aside as" in out
        await gateway.start()
        for _ in range(3):
            await acknowledged(gateway, node)
    assert node.downlinks[:4] == [0, 1, 2, 3]
    assert node.downlinks[4:] == [1 + (1 << 20) + number for number in range(3)]


async def test_a_copy_of_a_store_that_is_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_PAGES", 4)
    folder = tmp_path / "copies"
    folder.mkdir(0o700)
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        node = Node()
        bench.add()
        for _ in range(20):
            await bench.heard(node.report(count=50))
        writing = connect(bench.path)
        looks: list[int] = []

        def meanwhile(left: int, total: int) -> None:
            writing.execute("UPDATE node SET name = ?", (f"name {left}",))
            looks.append(left)

        back_up(bench.path, folder / "copy.db", meanwhile)
        writing.close()
    assert len(looks) > 5 and looks[-1] == 0 and looks == sorted(looks, reverse=True), "it never begins anew"
    with sqlite3.connect(folder / "copy.db") as copy:
        assert copy.execute("SELECT count(*) FROM sample").fetchone() == (1000,)
        assert copy.execute("SELECT name FROM node").fetchone() == (None,)
    copy.close()
    assert os.listdir(folder) == ["copy.db"]


async def test_an_old_copy_leaves_out_more_and_may_use_them_up(tmp_path: Path) -> None:
    now_s = int(time.time())
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        bench.add()
        bench.add(0xB02)
        await bench.heard(Node().report(), heard_s=now_s - 2_000_000)
        await bench.heard(Node(0xB02).report(), heard_s=now_s - 3_000_000)
    connection = connect(bench.path)
    connection.execute("UPDATE session SET downlink = ? WHERE node = ?", (COUNTER_MAX - 5, 0xB02))
    connection.close()
    copy = copied(bench.path, tmp_path / "copy.db")
    restored = restore(copy, bench.path, now_s)
    assert (restored.left_out, restored.used_up, restored.readings) == (2_000_000, 1, 2)
    again = restore(bench.path, bench.path, now_s)  # a whole disk was restored: the store itself
    assert again.left_out == 2_000_000
    connection = connect(bench.path)
    assert dict(connection.execute("SELECT node, downlink FROM session").fetchall()) == {
        0xA01: 4_000_000,
        0xB02: COUNTER_MAX - 5 + 4_000_000,  # above what one key has: the count is of all its keys
    }
    connection.close()


def test_a_copy_that_was_interrupted_leaves_nothing(tmp_path: Path) -> None:
    open_store(tmp_path / "lyhord.db").close()

    def ctrl_c(left: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(tmp_path / "lyhord.db", tmp_path / "copy.db", ctrl_c)
    assert not list(tmp_path.glob("copy.db*"))


def test_nobody_else_can_read_what_is_restored_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lyhord.db"
    writing = open_store(path)  # with a log beside it, as of a disk that was restored whole
    (tmp_path / "copy.db").write_bytes(path.read_bytes())
    (tmp_path / "copy.db-wal").write_bytes((tmp_path / "lyhord.db-wal").read_bytes())
    writing.close()
    modes = []
    copying = shutil.copyfileobj

    def look(source: IO[bytes], copy: IO[bytes]) -> None:
        modes.append(stat.S_IMODE(os.fstat(copy.fileno()).st_mode))
        copying(source, copy)

    monkeypatch.setattr("shutil.copyfileobj", look)
    restore(tmp_path / "copy.db", path, time.time())
    assert modes == [0o600, 0o600]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_cannot_be_restored_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    open_store(path).close()
    before = path.read_bytes()
    newer = tmp_path / "newer.db"
    open_store(newer).close()
    connection = connect(newer)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    torn = tmp_path / "torn.db"
    torn.write_bytes(before[: len(before) // 2])
    (tmp_path / "junk.db").write_bytes(b"junk" * 5000)
    for name in ("newer", "torn", "junk", "missing"):
        with pytest.raises(UserError):
            restore(tmp_path / f"{name}.db", path, 0)
        assert path.read_bytes() == before
        assert not list(tmp_path.glob("lyhord.r*"))


def test_a_copy_never_overwrites(tmp_path: Path) -> None:
    open_store(tmp_path / "lyhord.db").close()
    copied(tmp_path / "lyhord.db", tmp_path / "copy.db")
    with pytest.raises(UserError, match="expected the name of a new file"):
        copied(tmp_path / "lyhord.db", tmp_path / "copy.db")
    with pytest.raises(UserError, match="expected a store"):
        copied(tmp_path / "none.db", tmp_path / "other.db")
    with instance_lock(tmp_path), pytest.raises(UserError, match="another"), instance_lock(tmp_path):
        pass


async def test_accounts_of_the_node_broker_are_in_a_copy(tmp_path: Path) -> None:
    found, copy = [], tmp_path / "copy.db"
    for place in ("here", "elsewhere"):
        config = tmp_path / place / "gateway.toml"
        config.parent.mkdir()
        config.write_text('[gateway]\nnumber = 1\ndata_dir = "data"\n')
        if place == "here":
            await done("nodes", "add", "--id", "000a01", "--with-keys", str(tmp_path / "key"), config=config)
        else:
            await done("restore", str(copy), config=config)
            secret = tmp_path / place / "data" / "broker" / "secret"
            assert stat.S_IMODE(secret.stat().st_mode) == 0o600
            assert stat.S_IMODE(secret.parent.stat().st_mode) == 0o700
            store = sqlite3.connect(tmp_path / place / "data" / "lyhord.db")
            assert bytes.fromhex(secret.read_text()) not in [
                row[0] for row in store.execute("SELECT value FROM kept")
            ]
            store.close()
        account = tmp_path / f"{place}.account"
        await done("nodes", "account", "000a01", "--with-keys", str(account), config=config)
        found.append(account.read_text())
        if place == "here":
            await done("backup", str(copy), config=config)
    assert found[0] == found[1] and found[0].startswith("000a01\n")


async def done(*words: str, config: Path) -> None:
    code, _, err = await cli(*words, "--config", str(config))
    assert code == 0, err
