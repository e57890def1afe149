"""Ranges of sample numbers against the obvious model: a set."""

from hypothesis import given
from hypothesis import strategies as st

from lyhord_gateway.model import intervals

spans = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), max_size=30)


def built(parts: list[tuple[int, int]]) -> tuple[list[tuple[int, int]], set[int]]:
    found: list[tuple[int, int]] = []
    model: set[int] = set()
    for first, count in parts:
        intervals.add(found, first, first + count)
        model |= set(range(first, first + count))
    return found, model


@given(spans)
def test_add_is_a_union(parts: list[tuple[int, int]]) -> None:
    found, model = built(parts)
    assert {n for first, end in found for n in range(first, end)} == model
    assert all(found[i][1] < found[i + 1][0] for i in range(len(found) - 1)), "ranges touch or are unordered"
    assert all(intervals.contains(found, n) == (n in model) for n in range(70))
    assert intervals.total(found) == len(model)


@given(spans, st.integers(0, 70))
def test_gaps_are_what_is_not_there(parts: list[tuple[int, int]], end: int) -> None:
    found, model = built(parts)
    missing = {n for first, last in intervals.gaps(found, end) for n in range(first, last)}
    assert missing == set(range(end)) - model


@given(spans, st.integers(0, 70))
def test_remove_takes_out_one(parts: list[tuple[int, int]], number: int) -> None:
    found, model = built(parts)
    intervals.remove(found, number)
    assert {n for first, end in found for n in range(first, end)} == model - {number}
    assert all(first < end for first, end in found)
