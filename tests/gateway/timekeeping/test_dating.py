"""The time of a sample: the one rule, its bounds, and two gateways that hear the same frame."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping.clock import Clock
from lyhord_gateway.timekeeping.dating import AHEAD_S, EARLIEST_S, LATEST_S, PAST_S, Redated, date
from lyhord_gateway.timekeeping.time_service import TimeService
from lyhord_wire.report import Report, encode_report
from tests.gateway.bench import NOW_S, Bench, running
from tests.gateway.parts import Node

U32 = 0xFFFFFFFF
YEAR_S = 365 * 86_400


@pytest.mark.parametrize(
    ("time", "why"),
    [
        (NOW_S, None),
        (NOW_S + AHEAD_S, None),
        (NOW_S + AHEAD_S + 1, Redated.FUTURE),
        (NOW_S + 86_400, Redated.FUTURE),
        (NOW_S + 10 * YEAR_S, Redated.FUTURE),
        (4_291_747_200, Redated.FUTURE),  # 2106
        (U32, Redated.FUTURE),
        (NOW_S - 700 * 86_400, None),  # a backlog may be old
        (EARLIEST_S, None),
        (EARLIEST_S - 1, Redated.PAST),
        (1_000_000_000, Redated.PAST),
        (0, Redated.PAST),
        (-1, None),
        (-1 - 86_400, None),
        (-1 - 60 * YEAR_S, Redated.AGE),
        (-1 - U32, Redated.AGE),
    ],
)
def test_what_is_believed_and_what_is_redated(time: int, why: Redated | None) -> None:
    dated = date(time, 0, 1, NOW_S)
    assert dated.redated is why
    if why is not None:
        assert dated.first_s == NOW_S
    elif time >= 0:
        assert dated.first_s == time


def test_a_redated_series_keeps_its_distances_and_ends_at_its_arrival() -> None:
    assert date(U32 - 5 * 900, 900, 5, NOW_S) == (NOW_S - 4 * 900, Redated.FUTURE)
    # The newest decides: a series that only ends in the future has a wrong clock too.
    assert date(NOW_S - 900, 900, 4, NOW_S) == (NOW_S - 3 * 900, Redated.FUTURE)


def test_while_our_own_clock_is_in_doubt_a_nodes_may_be_ahead_but_not_by_years() -> None:
    assert date(NOW_S + 86_400, 0, 1, NOW_S, doubtful=True).redated is None
    assert date(NOW_S + 10 * YEAR_S, 0, 1, NOW_S, doubtful=True).redated is Redated.FUTURE


@given(
    st.integers(-1 - U32, U32),
    st.integers(0, U32),
    st.integers(0, 60),
    st.integers(-(2**65), 2**65),
    st.booleans(),
    st.integers(0, U32),
)
def test_every_date_is_one(
    time: int, period_s: int, count: int, heard_s: int, doubtful: bool, after_s: int
) -> None:
    span_s = max(0, count - 1) * period_s
    if span_s > U32 - EARLIEST_S:
        return
    first_s, _ = date(time, period_s, count, heard_s, doubtful, after_s)
    assert first_s + span_s <= LATEST_S
    assert first_s >= min(EARLIEST_S, LATEST_S - span_s)
    if EARLIEST_S + PAST_S <= heard_s <= LATEST_S and not doubtful:
        assert first_s + span_s <= heard_s + AHEAD_S


@pytest.mark.parametrize(("period_s", "count"), [(0, 1), (900, 3), (60, 2)])
def test_two_gateways_seconds_apart_give_a_sample_one_time(period_s: int, count: int) -> None:
    same = sum(
        date(-1 - 7200, period_s, count, NOW_S + second)
        == date(-1 - 7200, period_s, count, NOW_S + second + 2)
        for second in range(3600)
    )
    assert same >= 3600 * 29 // 30


@given(st.lists(st.tuples(st.integers(10, 200), st.integers(0, 5)), min_size=2, max_size=20))
def test_samples_dated_by_age_never_fall_together(steps: list[tuple[int, int]]) -> None:
    """One sample a frame, 10 s apart and more, each sent some seconds after it was taken."""
    taken_s, last_s = NOW_S, 0
    for step_s, age_s in steps:
        taken_s += step_s
        first_s = date(-1 - age_s, 0, 1, taken_s + age_s, after_s=last_s).first_s
        assert first_s > last_s
        assert abs(first_s - taken_s) <= 30
        last_s = first_s


async def test_two_gateways_at_one_platform(tmp_path: Path) -> None:
    node = Node()
    frame = node.frame(encode_report(Report(0, -1 - 1800, 900, {3: [200, 201, 202]})))
    alone = node.frame(encode_report(Report(3, -1 - 20, 0, {3: [203]})))
    found = []
    for late_s in (-1, 1):
        async with running(Bench(tmp_path / f"{late_s}.db")) as bench:
            bench.add()
            await bench.heard(frame, heard_s=NOW_S + late_s)
            await bench.heard(alone, heard_s=NOW_S + 900 + late_s)
            found.append([(reading.seq, reading.time_s) for reading in bench.readings()])
    assert found[0] == found[1] == [(seq, NOW_S - 1800 + 900 * seq) for seq in range(3)] + [(3, NOW_S + 880)]


async def test_readings_from_the_future_are_redated_counted_and_said_once_a_day(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    node, other = Node(), Node(0xB)
    bench.add(other.id)
    for seq in range(20):
        await bench.heard(
            node.frame(
                encode_report(
                    Report(seq, NOW_S + 10 * YEAR_S, 0, {1: [5]}),
                )
            )
        )
    await bench.heard(other.frame(encode_report(Report(0, U32 - 60, 60, {1: [5, 6]}))))
    assert {reading.time_s for reading in bench.readings()} == {NOW_S, NOW_S - 60}
    assert bench.metrics.counters["ingest.redated.future"] == 22
    lines = [
        record.getMessage() for record in caplog.records if "dated by their arrival" in record.getMessage()
    ]
    assert len(lines) == 2 and "node 000a01" in lines[0] and "node 00000b" in lines[1]
    await bench.heard(
        node.frame(encode_report(Report(20, U32, 0, {1: [5]}))), heard_s=NOW_S + 86_400, heard_us=1
    )
    assert sum("dated by their arrival" in record.getMessage() for record in caplog.records) == 3


async def test_the_newest_time_in_the_store_stamps_what_a_clock_behind_it_hears(tmp_path: Path) -> None:
    """Restarted a day behind: ages are counted from what the store knows, and nobody's set clock is moved."""
    metrics = Metrics()
    clock = Clock(
        metrics,
        NOW_S,
        service=lambda: TimeService.NONE,
        wall=lambda: NOW_S - 86_400,
        elapsed=lambda: 1000.0,
    )
    async with running(Bench(tmp_path / "lyhord.db", clock=clock)) as bench:
        bench.add()
        node = Node()
        await bench.heard(node.frame(encode_report(Report(0, -1 - 60, 0, {1: [5]}))), heard_s=NOW_S - 86_400)
        await bench.heard(
            node.frame(encode_report(Report(1, NOW_S + 600, 0, {1: [5]}))), heard_s=NOW_S - 86_400
        )
        assert [reading.time_s for reading in bench.readings()] == [NOW_S - 60, NOW_S + 600]
