"""Live before backlog: whatever arrives, fails and is acknowledged, every reading goes out, and goes out
again only if it was not acknowledged."""

from hypothesis import given
from hypothesis import strategies as st

from lyhord_gateway.model import intervals
from lyhord_gateway.model.intervals import Interval
from lyhord_gateway.publish.lanes import GAPS_MAX, Lanes, Part

START: list[Interval] = [(0, 1)]


def test_a_short_queue_goes_out_in_order() -> None:
    lanes = Lanes(START, 10, live_max=10)
    assert lanes.live() == Part(1, 11, late=False)
    lanes.take(1, 6)
    assert lanes.live() == Part(6, 11, late=False)
    assert lanes.backlog() is None


def test_what_the_live_lane_cannot_make_up_is_backlog() -> None:
    lanes = Lanes(START, 1000, live_max=10)
    assert lanes.live() is None, "a connection after an outage"
    assert lanes.backlog() == Part(1, 1001, late=True)
    lanes.take(1, 101)
    lanes.advance(1003, 0)
    assert lanes.live() == Part(1001, 1004, late=False), "before the rest of it"
    lanes.take(1001, 1004)
    assert lanes.backlog() == Part(101, 1001, late=True)
    lanes.deliver(1001, 1004)
    assert (lanes.cursor, lanes.waiting) == (0, 1000)
    lanes.deliver(1, 101)
    lanes.take(101, 1001)
    lanes.deliver(101, 1001)
    assert (lanes.cursor, lanes.waiting) == (1003, 0)
    assert lanes.backlog() is lanes.live() is None


def test_what_is_gone_is_waited_for_no_more() -> None:
    lanes = Lanes(START, 1000, live_max=10)
    assert lanes.live() is None
    lanes.advance(1000, 900)
    assert lanes.backlog() == Part(901, 1001, late=True)
    assert lanes.cursor == 900


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("arrive"), st.integers(1, 200)),
            st.tuples(st.just("live"), st.integers(1, 8)),
            st.tuples(st.just("backlog"), st.integers(1, 8)),
            st.tuples(st.just("acknowledge"), st.integers(0, 30)),
            st.tuples(st.just("lose"), st.just(0)),
            st.tuples(st.just("restart"), st.just(0)),
        ),
        max_size=200,
    )
)
def test_nothing_is_lost_doubled_or_without_bound(steps: list[tuple[str, int]]) -> None:
    high = 0
    lanes = Lanes(START, high, live_max=8)
    durable: list[Interval] = list(START)
    under_way: list[Interval] = []

    def take(part: Part | None, limit: int) -> None:
        if part is not None:
            first, end = part.first, min(part.end, part.first + limit)
            assert part.first < part.end <= high + 1
            for known in under_way:
                assert end <= known[0] or known[1] <= first, "twice under way"
            assert not any(intervals.contains(durable, number) for number in range(first, end)), (
                "delivered already"
            )
            lanes.take(first, end)
            under_way.append((first, end))

    for what, number in steps:
        match what:
            case "arrive":
                high += number
                lanes.advance(high, 0)
            case "live":
                take(lanes.live(), number)
            case "backlog":
                take(lanes.backlog(), number)
            case "acknowledge" if under_way:
                first, end = under_way.pop(number % len(under_way))
                lanes.deliver(first, end)
                intervals.add(durable, first, end)
            case "lose":
                under_way.clear()
                lanes.forget()
            case "restart":
                under_way.clear()
                lanes = Lanes(durable, high, live_max=8)
        assert len(intervals.gaps(durable, high + 1)) <= 2 * GAPS_MAX + len(under_way) + 1
    for _ in range(10_000):
        while (part := lanes.live()) is not None:
            take(part, 8)
        if (part := lanes.backlog()) is None:
            break
        take(part, 8)
    for first, end in under_way:
        lanes.deliver(first, end)
    assert lanes.waiting == 0
    assert lanes.cursor == high


def test_a_load_that_never_ends_makes_no_more_gaps_than_can_be_kept() -> None:
    lanes = Lanes(START, 0, live_max=10)
    high = 0
    for _ in range(1000):
        high += 50
        lanes.advance(high, 0)
        part = lanes.live() or lanes.backlog()
        assert part is not None
        lanes.take(part.first, min(part.end, part.first + 10))
        lanes.deliver(part.first, min(part.end, part.first + 10))
        assert len(intervals.gaps(lanes._delivered, high + 1)) <= GAPS_MAX + 1
