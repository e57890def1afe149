"""Numbers that are there (samples stored, readings delivered): a short list of half-open ranges, mostly one.

Pure values: [(first, end), …], ascending, neither touching nor overlapping.
"""

from bisect import bisect_right

Interval = tuple[int, int]


def contains(intervals: list[Interval], number: int) -> bool:
    at = bisect_right(intervals, (number, 1 << 62)) - 1
    return at >= 0 and number < intervals[at][1]


def add(intervals: list[Interval], first: int, end: int) -> None:
    """Adds first … end − 1, in place."""
    if first >= end:
        return
    if intervals and intervals[-1][0] <= first <= intervals[-1][1]:  # the next in a row
        if end > intervals[-1][1]:
            intervals[-1] = (intervals[-1][0], end)
        return
    low = bisect_right(intervals, (first, -1))
    if low and intervals[low - 1][1] >= first:
        low -= 1
    high = low
    while high < len(intervals) and intervals[high][0] <= end:
        first = min(first, intervals[high][0])
        end = max(end, intervals[high][1])
        high += 1
    intervals[low:high] = [(first, end)]


def remove(intervals: list[Interval], number: int) -> None:
    """Takes one number out, in place; nothing happens if it is not in."""
    at = bisect_right(intervals, (number, 1 << 62)) - 1
    if at < 0 or number >= intervals[at][1]:
        return
    first, end = intervals[at]
    intervals[at : at + 1] = [part for part in ((first, number), (number + 1, end)) if part[0] < part[1]]


def gaps(intervals: list[Interval], end: int) -> list[Interval]:
    """The missing numbers below `end`."""
    missing = []
    at = 0
    for first, last in intervals:
        if first >= end:
            break
        if first > at:
            missing.append((at, first))
        at = last
    if at < end:
        missing.append((at, end))
    return missing


def total(intervals: list[Interval]) -> int:
    return sum(end - first for first, end in intervals)


def within(intervals: list[Interval], first: int, end: int) -> int:
    """The number of first … end − 1 that are in."""
    return sum(max(0, min(last, end) - max(low, first)) for low, last in intervals)
