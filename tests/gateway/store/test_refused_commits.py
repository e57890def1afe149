"""A refused commit loses nothing that nobody would repeat, however often it is refused."""

import asyncio
import re
import sqlite3
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from lyhord_gateway.fleet.order_entry import OrderEntry
from lyhord_gateway.model.orders import OrderRefused, command_order
from lyhord_gateway.model.work import (
    LASTING,
    NOT_STORED,
    BetterReception,
    Change,
    Delivered,
    DownlinkAborted,
    Keep,
    Outcome,
    Quarantine,
    Work,
)
from lyhord_gateway.store.downlinks.queue import enqueue
from lyhord_gateway.store.schema import connect
from lyhord_wire.instructions import COMMAND
from tests.gateway.bench import NOW_S, Bench, running
from tests.gateway.parts import NODE, Node, until
from tests.house.sources import ROOT

REFUSALS = 4


class Blocker:
    """Another process in a long transaction: every commit of ours is refused meanwhile."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        bench.connection.execute("PRAGMA busy_timeout = 5")
        self.connection = connect(bench.path)

    def block(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")

    async def refuse(self, times: int = REFUSALS) -> None:
        counters = self.bench.metrics.counters
        enough = counters["store.commit_refused"] + times
        await until(lambda: counters["store.commit_refused"] >= enough, "commits are refused")

    def release(self) -> None:
        self.connection.execute("COMMIT")


@pytest.fixture
async def blocker(bench: Bench) -> AsyncIterator[Blocker]:
    await bench.settled()  # it runs
    blocker = Blocker(bench)
    yield blocker
    blocker.connection.close()


@pytest.mark.parametrize("command", ["restart", "blink", "send_about"])
async def test_an_order_whose_answer_never_went_out_waits_again(
    bench: Bench, blocker: Blocker, command: str
) -> None:
    node = Node()
    await bench.heard(node.report())
    enqueue(blocker.connection, NODE, command_order(command), "cli", NOW_S)

    def never_on_the_air(source: str, frame: bytes, aborted: Callable[[], None]) -> None:
        blocker.block()
        aborted()

    bench._reply = never_on_the_air  # type: ignore[method-assign]
    bench.hear(node.report(ack=True))
    await blocker.refuse()
    assert [entry.state for entry in bench.reader.orders()] == ["sent"], "as the last commit left it"
    blocker.release()
    await until(lambda: bench.reader.orders()[0].state == "waiting", "it waits again")
    del bench._reply  # type: ignore[attr-defined]
    await bench.heard(node.report(ack=True))
    assert COMMAND in node.open(bench.answers[-1][1])
    assert bench.metrics.counters["queue.aborted"] == 1


async def test_every_kind_of_work_is_kept_or_its_owner_is_told(bench: Bench, blocker: Blocker) -> None:
    node = Node()
    frame = node.report(count=3)
    await bench.heard(frame, source="a", rssi=-100)
    key = node.cipher.fingerprint
    told: list[Outcome] = []
    works: list[Work] = [
        Keep("duty.roof", b"spent"),
        Delivered("city", 0, 2),
        BetterReception(NODE, 0, 3, "b", -50, 20, 0, key),
        DownlinkAborted(NODE, 7, (99,)),
        Quarantine(NODE, NOW_S, "b", "fault", "", b"frame"),
    ]
    assert {type(work) for work in works} == set(LASTING)
    blocker.block()
    for work in works:
        assert bench.store.submit(work)
    bench.store.submit(Change(lambda connection: "done"), told.append)
    bench.hear(node.report(ack=True))
    await blocker.refuse()
    assert told == [NOT_STORED], "whoever wants a change is told that it did not come to pass"
    assert bench.metrics.counters["store.frames_not_stored"] == 1 and not bench.answers
    blocker.release()
    await until(lambda: bench.reader.kept("duty.roof") == b"spent", "it is kept")
    await bench.settled()  # a reader sees a commit before the gateway has counted it
    assert bench.reader.delivered("city") == [(0, 2)]
    assert [reading.rssi_dbm for reading in bench.readings()] == [-100, -50, -50], "not what a platform has"
    assert bench.metrics.counters["queue.aborted"] == bench.metrics.counters["store.quarantined"] == 1


async def test_a_frame_whose_commit_was_refused_is_no_replay_though_a_later_one_was_stored(
    bench: Bench, blocker: Blocker
) -> None:
    node = Node()
    await bench.heard(node.report())
    refused, later = node.report(ack=True, count=2), node.report(ack=True, count=2)
    blocker.block()
    bench.hear(refused)
    sent = bench.metrics.counters
    streams = bench.ingest._streams._streams
    stream = streams[NODE << 1]
    await until(lambda: sent["store.frames_not_stored"] == 1, "it is refused")
    streams[NODE << 1] = stream  # `later` was heard before the refusal was told
    blocker.release()
    await bench.heard(later)
    streams.clear()
    await bench.heard(refused)
    assert sorted(bench.stored()) == list(range(5)) and not bench.refused


async def test_the_order_of_what_is_kept_stays(bench: Bench, blocker: Blocker) -> None:
    await bench.settled()
    blocker.block()
    for number in range(50):
        bench.store.submit(Keep("skipped.city", str(number).encode()))
        if number % 20 == 0:
            await blocker.refuse(1)
    await blocker.refuse()
    blocker.release()
    await bench.settled()
    assert bench.reader.kept("skipped.city") == b"49"


async def test_an_answer_that_was_not_sent_finds_room_in_a_full_queue(tmp_path: Path) -> None:
    async with running(Bench(tmp_path / "lyhord.db", queue=2)) as bench:
        blocker = Blocker(bench)
        blocker.block()
        accepted = 0
        while bench.store.submit(Keep(f"k{accepted}", b"")):
            accepted += 1
        assert bench.store.submit(DownlinkAborted(NODE, 1, (1,)))
        blocker.release()
        blocker.connection.close()
        await until(lambda: bench.metrics.counters["queue.aborted"] == 1, "it is taken")


async def test_a_stop_while_the_disk_takes_nothing_ends(bench: Bench, blocker: Blocker, caplog) -> None:
    await bench.settled()
    blocker.block()
    bench.store.submit(Keep("duty.roof", b"spent"))
    await blocker.refuse(1)
    bench.store.close()
    await until(lambda: bench.store._finished.done(), "it has ended")
    assert "1 notes are lost" in caplog.text
    await asyncio.sleep(0)
    assert bench.metrics.counters["store.work_lost"] == 1
    blocker.release()


async def test_a_platform_is_told_that_its_order_was_not_taken(bench: Bench, blocker: Blocker) -> None:
    blocker.block()
    with pytest.raises(OrderRefused, match="commit was refused"):
        await OrderEntry(bench.store.submit).queue(NODE, command_order("blink"), "city")
    blocker.release()
    entry = await OrderEntry(bench.store.submit).queue(NODE, command_order("blink"), "city")
    assert entry.state == "waiting" and [one.id for one in bench.reader.orders()] == [entry.id]


async def test_a_change_that_is_refused_leaves_nothing_and_costs_nobody_else(bench: Bench) -> None:
    node = Node()

    def half(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE node SET name = 'half'")
        raise OrderRefused("no")

    answers: list[object] = []
    bench.store.submit(Change(half), answers.append)
    await bench.heard(node.report(ack=True))
    assert isinstance(answers[0].value, OrderRefused) and len(bench.answers) == 1
    row = bench.reader.node(NODE)
    assert row is not None and row.facts.name is None


def test_the_gateways_process_has_one_writing_connection() -> None:
    """`connect` writes; whoever only reads says so, and SQLite holds it to that."""
    package = ROOT / "gateway/src/lyhord_gateway"
    users = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(r"schema import [^\n]*\bconnect\b(?!_)", path.read_text(encoding="utf-8"))
    }
    # Before the writer starts, and beside it on the command line.
    assert users == {
        "store/recovery/recover.py",
        "store/backup.py",
    }
