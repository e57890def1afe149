"""Asking again: as much as a frame holds, within the duty cycle, once per answer, until the gap is filled."""

from lyhord_gateway.model.intervals import add
from lyhord_gateway.store.downlinks.gap_requests import GapRequests
from lyhord_gateway.store.session import Session
from lyhord_wire.airtime import airtime_us
from lyhord_wire.frame import max_frame
from lyhord_wire.instructions import AGAIN
from lyhord_wire.tables import STATUS_OLDEST
from tests.gateway.bench import NOW_S, Bench
from tests.gateway.parts import Node

QUARTER_US = 36_000_000 // 4


def gap(count: int, node: int = 1, source: str = "roof") -> Session:
    """A node that lacks its first `count` samples."""
    return Session(node, received=[(count, count + 1)], expected=count + 1, source=source)


def test_a_day_at_sf12_stays_within_a_quarter_of_the_band() -> None:
    gap_requests = GapRequests()
    session = gap(10_000)
    asked_s: list[int] = []
    first = 0
    for uplink, second in enumerate(range(0, 86_400, 120)):
        span = gap_requests.next(session, uplink, 12, second)
        if span is not None:
            assert span == (first, 6), "the next part, as much as a frame holds"
            first += 6
            add(session.received, span[0], sum(span))
            asked_s.append(second)
    frame_us = airtime_us(max_frame(12), 12)
    for start in asked_s:
        within = sum(frame_us for second in asked_s if start <= second < start + 3600)
        assert within <= 2 * QUARTER_US, "a full quarter that was saved up, and the hour's own"
    spent = len(asked_s) * frame_us
    assert 24 * QUARTER_US * 0.9 < spent <= 25 * QUARTER_US
    assert gap_requests.counts["store.resend_postponed"] == 720 - len(asked_s)


def test_many_nodes_do_not_take_the_radio_from_the_acknowledgements() -> None:
    gap_requests = GapRequests()
    asked = [gap_requests.next(gap(9, node), 1, 12, NOW_S) for node in range(100)]
    radio_us = airtime_us(64 - 17, 12, crc=False)
    assert 0 < sum(span is not None for span in asked) <= QUARTER_US // radio_us
    assert gap_requests.next(gap(9, 200, source="tower"), 1, 12, NOW_S) == (0, 6), "another radio has its own"
    assert gap_requests.next(gap(5000, 201, source="mqtt"), 1, None, NOW_S) == (0, 1000), (
        "no radio, no duty cycle"
    )


def test_a_repetition_asks_the_same_and_costs_nothing() -> None:
    gap_requests = GapRequests()
    session = gap(30)
    spans = [gap_requests.next(session, 7, 12, NOW_S) for _ in range(50)]
    assert spans == [(0, 6)] * 50
    assert gap_requests.next(session, 8, 12, NOW_S) == (0, 6), (
        "it did not come: the next frame's answer asks again"
    )
    assert gap_requests.next(session, None, 12, NOW_S) is None, (
        "nobody listens to an answer to an older frame"
    )


async def test_a_gap_is_asked_for_until_it_is_filled_or_given_up(bench: Bench) -> None:
    node = Node()
    await bench.heard(node.samples(0, 5))
    again = []
    for first in (10, 11):
        await bench.heard(node.samples(first, 1, ack=True), rssi=-90, sf=9)
        again.append(node.open(bench.answers[-1][1]).get(AGAIN))
    await bench.heard(node.samples(5, 3, ack=True), rssi=-90, sf=9)
    again.append(node.open(bench.answers[-1][1]).get(AGAIN))
    assert again == [(5, 5), (5, 5), (8, 2)]
    (listed,) = bench.reader.nodes()
    assert (listed.missing, listed.given_up) == (2, 0)
    await bench.heard(node.samples(12, 1, ack=True, status={STATUS_OLDEST: 9}), rssi=-90, sf=9)
    assert node.open(bench.answers[-1][1]).get(AGAIN) == (9, 1)
    await bench.heard(node.samples(9, 1, ack=True), rssi=-90, sf=9)
    assert AGAIN not in node.open(bench.answers[-1][1])
    (listed,) = bench.reader.nodes()
    assert (listed.missing, listed.given_up) == (0, 1)
