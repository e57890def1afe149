"""Downlink counters: 2²⁴ under each key, and never one twice under the same key."""

import json
import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from lyhord_gateway.fleet.keys import rotate
from lyhord_gateway.fleet.nodes import import_nodes, parse_lines
from lyhord_gateway.store import keyring, session
from lyhord_gateway.store.backup import back_up, restore
from lyhord_gateway.store.keyring import enter_key, retire_keys
from lyhord_gateway.store.recovery.promises import leave_out
from lyhord_gateway.store.schema import connect, open_store
from lyhord_gateway.store.session import load_session, save_session
from lyhord_gateway.store.transaction import transaction
from lyhord_wire.frame import COUNTER_MAX
from lyhord_wire.instructions import STORED
from tests.gateway.bench import NOW_S, Bench, running
from tests.gateway.fleet.test_keys import OrderEntry, Street
from tests.gateway.parts import KEY, NODE

NEW_KEY = bytes(range(50, 66))


@pytest.fixture
def orders(bench: Bench) -> Iterator[OrderEntry]:
    orders = OrderEntry(bench)
    yield orders
    orders.connection.close()


def use_up(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        leave_out(connection, COUNTER_MAX + 1)


async def answered(bench: Bench, node: Street, seq: int) -> bool:
    before = len(bench.answers)
    await bench.heard(node.number(seq))
    for _, answer in bench.answers[before:]:
        assert node.open(answer)[STORED] == seq + 1
    return len(bench.answers) > before


async def test_a_node_whose_counters_are_used_up_is_cured_by_a_new_key(
    bench: Bench, orders: OrderEntry
) -> None:
    node = Street()
    assert await answered(bench, node, 0)
    use_up(orders.connection)
    assert not await answered(bench, node, 1)
    assert bench.metrics.counters["downlink.counter_used_up"] == 1
    assert bench.stored() == [0, 1], "it is heard all the same"
    orders.rotate()
    assert not await answered(bench, node, 2), "still under its old key"
    node.take(orders.lines()[-1])
    assert await answered(bench, node, 3) and await answered(bench, node, 4)
    assert node.downlinks[-2:] == [0, 1]
    use_up(orders.connection)  # and once more in its life
    assert not await answered(bench, node, 5)
    orders.connection.execute("DELETE FROM rotation")
    with transaction(orders.connection):
        retire_keys(orders.connection, NODE, NOW_S, parities=(0,))
    orders.rotate()
    node.take(orders.lines()[-1])
    assert await answered(bench, node, 6) and node.downlinks[-1] == 0


async def test_a_new_key_goes_on_counting_while_there_are_counters(bench: Bench, orders: OrderEntry) -> None:
    node = Street()
    for seq in range(3):
        assert await answered(bench, node, seq)
    orders.rotate()
    await bench.settled()
    node.take(orders.lines()[-1])
    assert await answered(bench, node, 3) and node.downlinks == [3]


async def test_an_imported_key_goes_on_from_all_that_the_node_was_given(
    bench: Bench, orders: OrderEntry
) -> None:
    """An older store may have answered under it."""
    node = Street()
    for seq in range(3):
        assert await answered(bench, node, seq)
    line = {"id": "000a01", "key": NEW_KEY.hex(), "generation": 1}
    import_nodes(orders.connection, parse_lines("test", [json.dumps(line).encode()]))
    await bench.settled()
    node.take(line)
    assert await answered(bench, node, 3) and node.downlinks[-1] == 3


async def test_a_key_that_is_imported_again_keeps_its_counters(bench: Bench, orders: OrderEntry) -> None:
    node = Street()
    assert await answered(bench, node, 0)
    use_up(orders.connection)
    orders.rotate()
    line = orders.lines()[-1]
    node.take(line)
    assert await answered(bench, node, 1)
    import_nodes(orders.connection, parse_lines("test", [json.dumps(line).encode()]))
    assert await answered(bench, node, 2) and node.downlinks == [0, 1]


async def test_restore_names_the_nodes_that_have_no_counter_under_any_key(tmp_path: Path) -> None:
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        for number in range(3):
            bench.add(NODE + number, bytes([number + 1]) * 16)
            await bench.heard(Street(NODE + number, bytes([number + 1]) * 16).number(0), heard_s=NOW_S)
    connection = connect(bench.path)
    connection.execute("UPDATE session SET downlink = ? WHERE node != ?", (COUNTER_MAX + 1, NODE))
    rotate(connection, NODE + 1, tmp_path / "new.jsonl", again=False)
    connection.close()
    back_up(bench.path, tmp_path / "copy.db", lambda left, total: None)
    assert restore(tmp_path / "copy.db", bench.path, NOW_S + 60).used_up == 1


class World:
    """One node's keys and counters in a store, with copies of it. used: what the air has seen; given: what
    the witness knows; began: keys whose counters began anew."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.path = folder / "lyhord.db"
        self.store = open_store(self.path)
        self.used: set[tuple[bytes, int]] = set()
        self.files: list[tuple[int, bytes]] = [(0, KEY)]  # keys that somebody may import, ever
        self.copies: list[Path] = []
        self.given = 0
        self.began: set[bytes] = set()
        self.generation = 0
        with transaction(self.store):
            self.store.execute("INSERT INTO node (id) VALUES (?)", (NODE,))
            enter_key(self.store, NODE, 0, KEY, NOW_S)

    def answer(self) -> None:
        keys = self.store.execute("SELECT key, begins FROM node_key").fetchall()
        with transaction(self.store):
            found = load_session(self.store, NODE)
            found.heard_s = NOW_S
            for key, begins in self.random.sample(keys, min(len(keys), self.random.randint(1, 2))):
                counter = found.take_downlink(begins)
                if counter is not None:
                    self.began |= {key} if begins else set()
                    assert (key, counter) not in self.used, "a nonce came twice"
                    self.used.add((key, counter))
            save_session(self.store, found)
            self.given = max(self.given, found.downlink)

    def rotate(self) -> None:
        """A key that is made here; the one of its parity goes."""
        self.generation = (self.generation + 1) % 256
        key = self.random.randbytes(16)
        self.files.append((self.generation, key))
        with transaction(self.store):
            enter_key(self.store, NODE, self.generation, key, NOW_S, fresh=True)

    def import_one(self) -> None:
        """Any key there ever was, where it was not retired."""
        generation, key = self.random.choice(self.files)
        try:
            with transaction(self.store):
                enter_key(self.store, NODE, generation, key, NOW_S)
        except Exception as refused:  # noqa: BLE001 — the registry says no
            assert "retired" in str(refused)

    def copy(self) -> None:
        target = self.path.with_name(f"copy{len(self.copies)}.db")
        with sqlite3.connect(target) as copy:
            self.store.backup(copy)
        copy.close()
        self.copies.append(target)

    def go_back(self) -> None:
        """An older copy in its place; the witness bounds what it has forgotten."""
        if not self.copies:
            return
        path = self.random.choice(self.copies)
        self.store.close()
        for tail in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + tail).unlink(missing_ok=True)
        self.path.write_bytes(path.read_bytes())
        self.store = open_store(self.path)
        with transaction(self.store):
            forgotten = self.given - load_session(self.store, NODE).downlink
            leave_out(self.store, forgotten + self.random.randrange(3))
            self.given = load_session(self.store, NODE).downlink


@pytest.mark.parametrize("seed", range(8))
def test_no_counter_comes_twice_under_a_key_whatever_happens_to_store_and_keys(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (session, keyring):
        monkeypatch.setattr(module, "COUNTER_MAX", 30)  # so that they are used up again and again
    world = World(tmp_path, seed)
    world.store.execute("PRAGMA synchronous = OFF")
    steps = [world.answer] * 8 + [world.rotate, world.import_one, world.copy, world.go_back]
    for _ in range(400):
        world.random.choice(steps)()
    assert len(world.used) > 50 and len(world.began) > 2
    world.store.close()
