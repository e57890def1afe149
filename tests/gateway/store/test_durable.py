"""Durable before acknowledged, also on a disk that is busy, full or failing."""

import asyncio
import resource

import pytest

from lyhord_gateway.store.schema import connect
from tests.gateway.bench import Bench
from tests.gateway.parts import Node, until


async def test_no_answer_before_the_commit(bench: Bench) -> None:
    node = Node()
    blocker = connect(bench.path)
    blocker.execute("BEGIN IMMEDIATE")
    bench.hear(node.report(ack=True))
    for _ in range(20):
        bench.hear(node.report(), heard_us=1)
    await asyncio.sleep(0.1)  # plenty for a commit, were it possible
    assert bench.answers == []
    assert bench.stored() == []
    blocker.execute("COMMIT")
    blocker.close()
    await until(lambda: bench.answers, "the answer after the commit")
    assert bench.stored()[0] == 0


async def test_what_the_disk_refuses_is_not_acknowledged_and_taken_when_it_comes_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    node = Node()
    await bench.heard(node.report(ack=True))
    pages = bench.connection.execute("PRAGMA page_count").fetchone()[0]
    bench.connection.execute(f"PRAGMA max_page_count = {pages}")  # a full disk, as SQLite sees it
    refused = []
    while bench.metrics.counters["store.frames_not_stored"] == 0:
        refused = [node.report(ack=True, count=20) for _ in range(20)]
        for frame in refused:
            bench.hear(frame)
        await until(lambda: _outcomes(bench) == bench.metrics.counters["ingest.heard"], "all have an outcome")
    acknowledged = len(bench.answers)
    assert acknowledged == bench.metrics.counters["store.frames"]
    assert "database or disk is full" in caplog.text
    bench.connection.execute("PRAGMA max_page_count = 1000000")
    for frame in refused:
        await bench.heard(frame, heard_us=10_000_000)
    assert len(bench.answers) == acknowledged + len(refused)
    assert sorted(bench.stored()) == list(range(node.seq)), "acknowledged, but not stored"


async def test_a_commit_that_fails_on_its_way_to_the_disk_leaves_nothing_behind(bench: Bench) -> None:
    node = Node()
    await bench.heard(node.report(ack=True))
    frames = [node.report(ack=True, count=5) for _ in range(4)]
    wal = bench.path.with_name(bench.path.name + "-wal").stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal, hard))  # the log cannot grow: COMMIT itself fails
    try:
        for frame in frames:
            bench.hear(frame)
        await until(lambda: _outcomes(bench) == 5, "every frame has its outcome")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert bench.metrics.counters["store.frames_not_stored"] == 4
    assert len(bench.answers) == 1
    for frame in frames:
        await bench.heard(frame, heard_us=10_000_000)
    assert len(bench.answers) == 5
    assert bench.stored() == list(range(node.seq))


def _outcomes(bench: Bench) -> int:
    return bench.metrics.counters["store.frames"] + bench.metrics.counters["store.frames_not_stored"]


async def test_a_full_queue_refuses_frames_and_says_so(bench: Bench) -> None:
    node = Node()
    blocker = connect(bench.path)
    blocker.execute("BEGIN IMMEDIATE")
    frames = [node.report() for _ in range(3000)]
    for frame in frames:
        bench.hear(frame)
    refused = bench.refused["overload"]
    assert 0 < refused < 3000
    assert not bench.store.room.is_set()
    blocker.execute("COMMIT")
    blocker.close()
    await bench.settled()
    assert bench.store.room.is_set()
    assert len(bench.stored()) == 3000 - refused
    for frame in frames[-40:]:  # a refused frame was not marked as seen
        await bench.heard(frame)
    assert sorted(bench.stored())[-1] == 2999
