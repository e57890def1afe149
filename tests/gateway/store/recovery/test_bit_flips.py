"""A bit that has flipped anywhere in the store's file never makes it unusable for good."""

import asyncio
import random
import re
import sqlite3
from pathlib import Path

import pytest

from lyhord_gateway.store.recovery.recover import damage_in, mark_damaged, open_sound
from lyhord_gateway.store.schema import connect, migrations
from lyhord_gateway.support.errors import UserError
from tests.gateway.bench import Bench, running
from tests.gateway.killed_store import Store, judge, overwrite, recovered, rows
from tests.gateway.parts import GatewayProcess, Node, cli
from tests.sweep import beyond


def flip(path: Path, place: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1 << bit]))


def schema_places(path: Path) -> list[int]:
    """The places in the file where the words of CREATE stand, comments and spaces apart."""
    data = path.read_bytes()
    places = []
    for found in re.finditer(rb"CREATE (TABLE|INDEX).*?(STRICT|\(open, node, id\))", data, re.DOTALL):
        text = re.sub(rb"--[^\n]*", lambda comment: b" " * len(comment[0]), found[0])
        places += [found.start() + at for at, byte in enumerate(text) if byte not in b" \n"]
    return places


@pytest.mark.parametrize("bit", [3, *beyond(0, 7)])
def test_flips_in_the_schemas_words_are_recovered(bit: int, store: Store, tmp_path: Path) -> None:
    store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    sound = path.read_bytes()
    for place in random.Random(bit).sample(schema_places(path), 8):
        path.write_bytes(sound)
        flip(path, place, bit)
        connection, salvaged = recovered(path)
        assert salvaged.readings == len(store.waiting), place
        assert rows(connection, "node_key", 2).keys() >= {key for key in store.keys if key[0] < 0xFF0000}
        judge(store, connection, set(), sessions_gone=True)


@pytest.mark.parametrize("word", [b"CREATE TABLE sample", b"CREATE TABLE session", b"CREATE TABLE node_key"])
def test_a_name_in_the_schema_that_is_another_costs_no_row(word: bytes, store: Store, tmp_path: Path) -> None:
    store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    data = path.read_bytes()
    name = word.split()[-1]
    other = name[:-1] + bytes([name[-1] ^ 1])
    at = data.index(word)
    start = data.rindex(name + name, 0, at)  # the columns name and tbl_name before the text
    words = data[start + 2 * len(name) :].replace(word, word[:-1] + other[-1:], 1)
    path.write_bytes(data[:start] + other + other + words)
    connection, salvaged = recovered(path)
    assert salvaged.readings == len(store.waiting)
    judge(store, connection, set(), sessions_gone=True)


@pytest.mark.parametrize("bit", [0, *beyond(*range(1, 8))])
@pytest.mark.parametrize("byte", [60, 61, 62, 63])
def test_flips_in_the_schemas_number(byte: int, bit: int, store: Store, tmp_path: Path) -> None:
    store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    flip(path, byte, bit)
    connection, salvaged = recovered(path)
    assert salvaged.readings == len(store.waiting)
    connection.close()


def test_a_newer_version_is_still_refused(store: Store, tmp_path: Path) -> None:
    path = store.copy(tmp_path)
    connection = connect(path)
    connection.execute("CREATE TABLE newer (a)")
    connection.execute(f"PRAGMA user_version = {len(migrations()) + 8}")
    connection.close()
    with pytest.raises(UserError, match="a newer version wrote schema"):
        open_sound(path, ["city"])


@pytest.mark.parametrize("seed", [0, *beyond(1, 2, 3)])
def test_flips_anywhere_leave_a_store_that_starts(seed: int, store: Store, tmp_path: Path) -> None:
    """Sound, recovered, or damage that is noticed at the first look and recovered at the next start."""
    rng = random.Random(seed)
    store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    sound = path.read_bytes()
    for _ in range(10):
        path.write_bytes(sound)
        for leftover in tmp_path.glob("lyhord.da*"):
            leftover.unlink()
        flip(path, rng.randrange(len(sound)), rng.randrange(8))
        asyncio.run(_works(path))


async def _works(path: Path) -> None:
    for _ in range(3):
        open_sound(path, ["city"])[0].close()
        bench = Bench(path)
        try:
            async with running(bench):
                for node in (Node(0xA01, bytes(16)), Node(0xA02, bytes([1]) * 16)):
                    node.counter, node.seq = 2000, 300
                    await bench.heard(node.report(ack=True))
                bench.readings()
                bench.reader.nodes()
                return
        except Exception as error:  # noqa: BLE001 — judged below
            damage = damage_in(error)
            assert damage is not None, f"a start that ends so ends so every time: {error!r}"
            mark_damaged(path, damage)
    raise AssertionError("three starts were not enough")


ROWS = {
    "a session's ranges": "UPDATE session SET received = '[[0,1,2]]' WHERE node = 0xA05",
    "a session's text": "UPDATE session SET source = CAST(x'ff6d' AS TEXT) WHERE node = 0xA05",
    "a session's counter": "UPDATE session SET downlink = 1 << 40 WHERE node = 0xA05",
    "a session's window": "UPDATE session SET mask0 = x'010000000000000000' WHERE node = 0xA05",
    "a node's name": "UPDATE node SET name = CAST(x'c3' AS TEXT) WHERE id = 0xA05",
    "a platform's ranges": "UPDATE platform SET ahead = '[[5,1]]'",
    "an order": "UPDATE downlink SET settings = '{\"x\": 1}' WHERE settings IS NOT NULL AND id < 4",
    "a mark": "INSERT OR REPLACE INTO mark VALUES (0xA05, x'0102030405')",
    "a number that is kept": "INSERT OR REPLACE INTO kept VALUES ('skipped.city', x'31ff')",
}


@pytest.mark.parametrize("what", ROWS)
def test_rows_that_sqlite_finds_sound_and_we_cannot_read(what: str, store: Store, tmp_path: Path) -> None:
    path = store.copy(tmp_path)
    connection = connect(path)
    connection.execute(ROWS[what])
    connection.close()
    connection, salvaged = recovered(path)
    assert salvaged.holes >= 1
    assert salvaged.readings == len(store.waiting) or what == "a platform's ranges"
    connection.close()
    connection, again = open_sound(path, ["city"])
    assert again is None, "once"
    connection.close()
    asyncio.run(_works(path))


def test_what_python_says_of_a_text_that_is_none_is_damage() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(sqlite3.OperationalError) as caught:
        connection.execute("SELECT CAST(x'ff' AS TEXT)").fetchone()
    assert damage_in(ExceptionGroup("tasks", [caught.value]))


async def test_the_command_line_says_it_in_one_line(tmp_path: Path) -> None:
    gateway = GatewayProcess(tmp_path, None)
    await gateway.add(Node())
    connection = connect(tmp_path / "data" / "lyhord.db")
    connection.execute("UPDATE node SET name = CAST(x'ff' AS TEXT)")
    connection.close()
    code, _, err = await cli("nodes", "--config", str(gateway.config))
    assert code == 2 and err.count("\n") == 1 and "the gateway's next start" in err


def test_a_page_that_is_overwritten_in_the_schema(store: Store, tmp_path: Path) -> None:
    store.leaves(tmp_path)
    path = tmp_path / "lyhord.db"
    overwrite(path, path.read_bytes().index(b"CREATE TABLE sample"), bytes(60))
    connection, salvaged = recovered(path)
    assert salvaged.readings == len(store.waiting)
    connection.close()
