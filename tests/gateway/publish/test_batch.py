"""Batches: every reading in exactly one message, within the bounds."""

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from lyhord_gateway.model.reading import Reading, Sharing
from lyhord_gateway.publish.batch import messages


def reading(arrival: int, node: int = 1) -> Reading:
    return Reading(arrival, node, arrival, 0, {}, None, None, None, "mqtt", False)


def payload(readings: Sequence[Reading]) -> bytes:
    return json.dumps([r.arrival for r in readings]).encode()


@given(
    st.lists(st.integers(1, 5), max_size=60),
    st.integers(1, 12),
    st.integers(2, 60),
)
def test_every_reading_is_in_one_message_within_the_bounds(nodes: list[int], count: int, size: int) -> None:
    readings = [reading(at, node) for at, node in enumerate(nodes, start=1)]
    found = messages(readings, lambda r: f"t/{r.node}", payload, count, size)
    sent = [(message.topic, json.loads(message.payload)) for message in found]
    assert sorted(arrival for _, arrivals in sent for arrival in arrivals) == [r.arrival for r in readings]
    for (topic, arrivals), message in zip(sent, found, strict=True):
        assert {f"t/{nodes[arrival - 1]}" for arrival in arrivals} == {topic}
        assert arrivals == sorted(arrivals)
        assert [reading.arrival for reading in message.readings] == arrivals
        assert len(arrivals) <= count
        assert len(message.payload) <= size or len(arrivals) == 1


@given(st.lists(st.integers(1, 5), max_size=60), st.integers(1, 12), st.sampled_from(Sharing))
def test_only_what_may_share_a_message_does(nodes: list[int], count: int, sharing: Sharing) -> None:
    readings = [reading(at, node) for at, node in enumerate(nodes, start=1)]
    found = messages(readings, lambda _: "t", payload, count, 1000, sharing)
    sent = [[readings[arrival - 1] for arrival in json.loads(message.payload)] for message in found]
    flat = [one for message in sent for one in message]
    assert sorted(one.arrival for one in flat) == [one.arrival for one in readings]
    for message in sent:
        assert 1 <= len(message) <= (1 if sharing is Sharing.ALONE else count)
        if sharing is Sharing.ONCE_PER_NODE:
            assert len({one.node for one in message}) == len(message)
    for node in set(nodes):
        own = [one.arrival for one in flat if one.node == node]
        assert own == sorted(own), "a node's readings keep their order"
