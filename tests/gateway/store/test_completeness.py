"""Completeness: received of what each node is known to have taken, over the last day and week."""

import random
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from lyhord_gateway.cli.node_rows import listed
from lyhord_gateway.model.work import SampleRow
from lyhord_gateway.operation.node_metrics import NodeMetrics
from lyhord_gateway.store.completeness import DAY_S, SPAN_S, WEEK_S, Marks, completeness, unpack
from lyhord_gateway.store.schema import connect
from lyhord_gateway.store.session import Session
from lyhord_wire.report import Report, encode_report
from lyhord_wire.tables import STATUS_OLDEST
from tests.gateway.bench import Bench, running
from tests.gateway.parts import NODE, Node

NOON_S = 1_767_182_400  # the end of a span
PERIOD_S = 900


def frame(node: Node, first: int, count: int, end: int, **more: object) -> bytes:
    """Samples of every quarter of an hour, numbered so that sample `end` is taken at noon."""
    time_s = NOON_S - (end - first) * PERIOD_S
    columns: dict[int, list[int | None]] = {1: [50] * count}
    return node.frame(encode_report(Report(first, time_s, PERIOD_S if count > 1 else 0, columns, **more)))


async def test_day_and_week_of_a_node_that_lost_some(bench: Bench) -> None:
    assert NOON_S % SPAN_S == 0
    node, end = Node(), 1000
    lost = {*range(100, 120), *range(500, 540), *range(990, 996)}  # longer ago; this week; today
    first = 0
    while first < end:
        last = first
        while last < end and last - first < 20 and last not in lost:
            last += 1
        if last > first:
            await bench.heard(frame(node, first, last - first, end), heard_s=NOON_S - (end - last) * PERIOD_S)
        first = max(last, first + 1)
    (row,) = (listed(one, NOON_S) for one in bench.reader.nodes())
    assert row["missing"] == len(lost)
    assert row["completeness_day"] == (96 - 6) * 1000 // 96 / 1000
    assert row["completeness_week"] == (672 - 46) * 1000 // 672 / 1000
    # What comes after all is counted, what is given up is not.
    await bench.heard(frame(node, 990, 2, end), heard_s=NOON_S)
    await bench.heard(frame(node, 1000, 1, end, status={STATUS_OLDEST: 994}), heard_s=NOON_S + 1)
    (row,) = (listed(one, NOON_S) for one in bench.reader.nodes())
    assert row["missing"] == 2
    assert row["completeness_day"] == (97 - 4) * 1000 // 97 / 1000
    # A node that is silent is not called complete.
    (row,) = (listed(one, NOON_S + 2 * DAY_S) for one in bench.reader.nodes())
    assert row["completeness_day"] is None
    assert row["completeness_week"] is not None


async def test_marks_are_few_survive_a_restart_and_do_not_believe_every_clock(tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    connection = Bench(path).connection
    seed = random.randrange(1 << 32)
    print("seed", seed)
    spans = random.Random(seed).sample(range(100_000, 100_060), 60)
    rows = {span: SampleRow((span - 100_000) * 16 + 3, span * SPAN_S + 2700, "{}") for span in spans}
    heard_s = 100_060 * SPAN_S
    connection.execute("BEGIN")
    marks = Marks(connection)
    for number, span in enumerate(spans):
        if number == 30:
            marks = Marks(connection)  # the first half is written, the second half is not yet
        marks.note(7, (rows[span],), heard_s)
        marks.note(7, (SampleRow(5000 + number, heard_s + 2 * DAY_S, "{}"),), heard_s)
        marks.flush(heard_s + 60 * number)
    connection.execute("COMMIT")
    found = unpack(connection.execute("SELECT marks FROM mark WHERE node = 7").fetchone()[0])
    newest = sorted(spans)[-len(found) :]
    assert len(found) == WEEK_S // SPAN_S + 2
    assert [span for span, _ in found][-30:] == newest[-30:]
    assert all(seq == rows[span].seq for span, seq in found)
    connection.close()


async def test_marks_of_a_transaction_that_failed_are_written_with_the_next(tmp_path: Path) -> None:
    connection = Bench(tmp_path / "lyhord.db").connection
    marks = Marks(connection)
    connection.execute("BEGIN")
    marks.note(7, (SampleRow(3, NOON_S, "{}"),), NOON_S)
    marks.flush(NOON_S)
    connection.execute("ROLLBACK")
    marks.rolled_back()
    marks.flush(NOON_S + 1)
    assert connection.execute("SELECT count(*) FROM mark").fetchone() == (1,)
    connection.close()


def test_completeness_counts_within_the_window_only() -> None:
    session = Session(1, received=[(0, 10), (12, 30)], given_up=[(14, 15)], expected=32)
    marks = b"".join(
        span.to_bytes(4, "big") + seq.to_bytes(4, "big") for span, seq in ((10, 0), (11, 8), (13, 24))
    )
    assert completeness(session, marks, 10 * SPAN_S) == (27, 32)
    assert completeness(session, marks, 11 * SPAN_S + 1) == (19, 24)
    assert completeness(session, marks, 12 * SPAN_S) == (6, 8)
    assert completeness(session, marks, 14 * SPAN_S) is None
    assert completeness(session, b"", 0) is None


async def test_the_node_metrics_tells_it_to_prometheus(tmp_path: Path) -> None:
    path = tmp_path / "lyhord.db"
    async with running(Bench(path)) as bench:
        for number in (NODE, NODE + 1, NODE + 2):
            bench.add(number)
        node = Node()
        await bench.heard(frame(node, 0, 10, 20), heard_s=NOON_S)
        await bench.heard(frame(node, 15, 5, 20), heard_s=NOON_S + 61)
        await bench.heard(frame(Node(NODE + 1), 0, 20, 20), heard_s=NOON_S + 122)
        text = NodeMetrics(connect(path), now_s=lambda: NOON_S).count().decode()
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert found == {
        ("lyhord_node_completeness_ratio", "000a01", "day"): 0.75,
        ("lyhord_node_completeness_ratio", "000a01", "week"): 0.75,
        ("lyhord_node_completeness_ratio", "000a02", "day"): 1.0,
        ("lyhord_node_completeness_ratio", "000a02", "week"): 1.0,
        ("lyhord_node_missing_samples", "000a01"): 5.0,
        ("lyhord_node_missing_samples", "000a02"): 0.0,
    }
