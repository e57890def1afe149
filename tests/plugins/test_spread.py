"""The slow tests are shared out and none is lost."""

from tests.plugins.spread import spread


def test_every_worker_begins_with_its_share_of_the_slow_ones():
    items = list(range(20))
    ordered = spread(items, [item in (10, 11, 12, 13) for item in items], 4)
    assert sorted(ordered) == items
    assert [ordered[at] for at in (0, 5, 10, 15)] == [10, 11, 12, 13]


def test_more_slow_ones_than_a_share_holds():
    items = list(range(5))
    assert sorted(spread(items, [True, True, True, True, False], 2)) == items


def test_nothing_slow_stays_in_order():
    items = list(range(7))
    assert spread(items, [False] * 7, 3) == items
