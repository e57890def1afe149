"""One id, several devices after one another: nothing of the one is taken for the other's."""

import json
import sqlite3
from collections.abc import Iterator

import pytest

from lyhord_gateway.model.orders import command_order
from lyhord_gateway.store.downlinks.queue import enqueue
from lyhord_gateway.store.keyring import begin_life, enter_key, is_retired, retire_keys
from lyhord_gateway.store.schema import connect
from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.support.errors import UserError
from lyhord_wire.instructions import AGAIN, STORED
from lyhord_wire.tables import STATUS_OLDEST
from tests.gateway.bench import NOW_S, Bench
from tests.gateway.parts import KEY, NODE, Node
from tests.house.sources import ROOT

NEW_KEY = bytes(range(100, 116))


@pytest.fixture
def other(bench: Bench) -> Iterator[sqlite3.Connection]:
    """Another process's connection to the same store."""
    connection = connect(bench.path)
    yield connection
    connection.close()


async def replace(bench: Bench, other: sqlite3.Connection, key: bytes = NEW_KEY, generation: int = 0) -> int:
    with transaction(other):
        base = begin_life(other, NODE, NOW_S)
        enter_key(other, NODE, generation, key, NOW_S)
    await bench.settled()  # the writer has seen it
    return base


async def told(bench: Bench, node: Node, frame: bytes) -> dict[int, object]:
    before = len(bench.answers)
    await bench.heard(frame)
    (answer,) = bench.answers[before:]
    return node.open(answer[1])


@pytest.mark.parametrize("generation", [0, 1])
async def test_a_new_devices_samples_are_not_taken_for_the_old_ones(
    bench: Bench, other: sqlite3.Connection, generation: int
) -> None:
    old = Node()
    for _ in range(5):
        await bench.heard(old.report(ack=True, count=10))
    assert await replace(bench, other, generation=generation) == 50
    new = Node(key=NEW_KEY)
    if generation:  # the vectors' node knows generation 0 only
        await replace(bench, other, bytes(16 * [7]), 0)
        new = Node(key=bytes(16 * [7]))
    assert (await told(bench, new, new.report(ack=True, count=4)))[STORED] == 4
    assert bench.stored() == list(range(54))
    assert len({(reading.node, reading.seq) for reading in bench.readings()}) == 54
    assert (await told(bench, new, new.report(ack=True, count=4)))[STORED] == 8


async def test_what_the_old_device_owed_is_not_asked_of_the_new_one(
    bench: Bench, other: sqlite3.Connection
) -> None:
    old = Node()
    await bench.heard(old.samples(0, 5))
    await bench.heard(old.samples(20, 5))
    await replace(bench, other)
    new = Node(key=NEW_KEY)
    instructions = await told(bench, new, new.report(ack=True, count=2))
    assert instructions[STORED] == 2 and AGAIN not in instructions
    await bench.heard(new.samples(10, 2))
    instructions = await told(bench, new, new.samples(12, 2, ack=True))
    assert (instructions[STORED], instructions[AGAIN]) == (2, (2, 8)), "in the node's own numbers"
    instructions = await told(bench, new, new.samples(14, 1, ack=True, status={STATUS_OLDEST: 10}))
    assert instructions[STORED] == 15


async def test_a_frame_of_the_old_device_that_waited_for_its_commit_is_not_taken(
    bench: Bench, other: sqlite3.Connection
) -> None:
    old = Node()
    await bench.heard(old.report(ack=True, count=10))
    answers = len(bench.answers)
    with transaction(other):  # the writer waits while frames of the old device come
        for _ in range(3):
            bench.hear(old.report(ack=True, count=10))
        begin_life(other, NODE, NOW_S)
        enter_key(other, NODE, 0, NEW_KEY, NOW_S)
    await bench.settled()
    assert len(bench.answers) == answers, "the old device is told nothing that could be wrong"
    assert bench.metrics.counters["store.key_replaced"] == 3
    new = Node(key=NEW_KEY)
    assert (await told(bench, new, new.report(ack=True, count=3)))[STORED] == 3
    assert bench.stored() == list(range(13))


async def test_a_repetition_after_the_replacement_is_answered_to_nobody(
    bench: Bench, other: sqlite3.Connection
) -> None:
    old = Node()
    frame = old.report(ack=True, count=3)
    await bench.heard(frame)
    with transaction(other):
        bench.hear(frame, heard_us=10_000_000)
        begin_life(other, NODE, NOW_S)
        enter_key(other, NODE, 0, NEW_KEY, NOW_S)
    await bench.settled()
    assert len(bench.answers) == 1


async def test_a_better_reception_is_noted_where_the_sample_stands(
    bench: Bench, other: sqlite3.Connection
) -> None:
    old = Node()
    await bench.heard(old.report(count=4), source="a", rssi=-90)
    await replace(bench, other)
    new = Node(key=NEW_KEY)
    frame = new.report(count=2)
    await bench.heard(frame, source="a", rssi=-100)
    await bench.heard(frame, source="b", rssi=-50)
    assert [reading.rssi_dbm for reading in bench.readings()] == [-90] * 4 + [-50] * 2


async def test_a_third_device_begins_behind_the_second(bench: Bench, other: sqlite3.Connection) -> None:
    keys = [KEY, NEW_KEY, bytes(range(50, 66))]
    for at, key in enumerate(keys):
        if at:
            assert await replace(bench, other, key) == 7 * at
        node = Node(key=key)
        assert (await told(bench, node, node.report(ack=True, count=7)))[STORED] == 7
    assert bench.stored() == list(range(21))


async def test_a_rotation_keeps_the_life(bench: Bench, other: sqlite3.Connection) -> None:
    await bench.heard(Node().report(count=9))
    await replace(bench, other)
    first = Node(key=NEW_KEY)
    await bench.heard(first.report(count=5))
    with transaction(other):
        enter_key(other, NODE, 2, bytes(16 * [9]), NOW_S)  # the same device, a later generation
    await bench.settled()
    second = Node(key=bytes(16 * [9]))
    second.seq = 5
    assert (await told(bench, second, second.report(ack=True, count=5)))[STORED] == 10
    assert bench.stored() == list(range(19))


async def test_orders_for_the_old_device_are_not_given_to_the_new_one(
    bench: Bench, other: sqlite3.Connection
) -> None:
    await bench.heard(Node().report())
    enqueue(other, NODE, command_order("restart"), "cli", NOW_S)
    await replace(bench, other)
    new = Node(key=NEW_KEY)
    instructions = await told(bench, new, new.report(ack=True))
    assert set(instructions) <= {0, STORED}
    assert [entry.state for entry in bench.reader.orders()] == ["cancelled"]


async def test_the_old_devices_status_is_not_the_new_ones(bench: Bench, other: sqlite3.Connection) -> None:
    await bench.heard(Node().report(status={3: 3600}))
    await replace(bench, other)
    await bench.heard(Node(key=NEW_KEY).report(status={4: 1}))
    assert json.loads(bench.reader.session(NODE).status or "") == {"4": 1}


async def test_a_life_of_a_node_that_was_never_heard_begins_at_0(
    bench: Bench, other: sqlite3.Connection
) -> None:
    assert await replace(bench, other) == 0


async def test_keys_that_are_replaced_or_taken_back_never_return(
    bench: Bench, other: sqlite3.Connection
) -> None:
    assert not is_retired(other, KEY)
    with transaction(other):
        enter_key(other, NODE, 2, NEW_KEY, NOW_S)
    assert is_retired(other, KEY) and not is_retired(other, NEW_KEY)
    with transaction(other):
        retire_keys(other, NODE, NOW_S)
    for node in (NODE, NODE + 1):
        for key in (KEY, NEW_KEY):
            other.execute("INSERT OR IGNORE INTO node (id) VALUES (?)", (node,))
            with pytest.raises(UserError, match="retired"), transaction(other):
                enter_key(other, node, 0, key, NOW_S)
    assert bench.reader.keys(NODE) == []


async def test_an_old_registry_file_does_not_bring_its_keys_back(bench: Bench) -> None:
    node = Node()
    recorded = node.report(ack=True)
    bench.add(key=NEW_KEY, generation=1)
    bench.add(key=bytes(16 * [5]), generation=2)  # retires generation 0
    with pytest.raises(UserError, match="retired"):
        bench.add()
    await bench.heard(recorded)
    assert bench.answers == [] and bench.stored() == []


async def test_the_same_key_once_more_changes_nothing(bench: Bench) -> None:
    node = Node()
    await bench.heard(node.report(ack=True))
    bench.add()
    bench.add(generation=2)  # the same key, told with another generation
    await bench.heard(node.report(ack=True))
    assert len(bench.answers) == 2


def test_only_one_module_writes_the_keys() -> None:
    writers = {
        path.name
        for path in (ROOT / "gateway/src/lyhord_gateway").rglob("*.py")
        for verb in (
            "INSERT INTO node_key",
            "REPLACE INTO node_key",
            "DELETE FROM node_key",
            "UPDATE node_key",
        )
        if verb in path.read_text(encoding="utf-8")
    }
    assert writers == {"keyring.py"}
