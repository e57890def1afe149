"""Numbers that are there (samples stored, readings delivered): a short list of half-open ranges, mostly one.

Pure values: [(first, end), …], ascending, neither touching nor overlapping.
"""

from bisect import bisect_right

Range = tuple[int, int]


def contains(ranges: list[Range], number: int) -> bool:
    at = bisect_right(ranges, (number, 1 << 62)) - 1
    return at >= 0 and number < ranges[at][1]


def add(ranges: list[Range], first: int, end: int) -> None:
    """Adds first … end − 1, in place."""
    if first >= end:
        return
    if ranges and ranges[-1][0] <= first <= ranges[-1][1]:  # the next in a row
        if end > ranges[-1][1]:
            ranges[-1] = (ranges[-1][0], end)
        return
    low = bisect_right(ranges, (first, -1))
    if low and ranges[low - 1][1] >= first:
        low -= 1
    high = low
    while high < len(ranges) and ranges[high][0] <= end:
        first = min(first, ranges[high][0])
        end = max(end, ranges[high][1])
        high += 1
    ranges[low:high] = [(first, end)]


def remove(ranges: list[Range], number: int) -> None:
    """Takes one number out, in place; nothing happens if it is not in."""
    at = bisect_right(ranges, (number, 1 << 62)) - 1
    if at < 0 or number >= ranges[at][1]:
        return
    first, end = ranges[at]
    ranges[at : at + 1] = [part for part in ((first, number), (number + 1, end)) if part[0] < part[1]]


def gaps(ranges: list[Range], end: int) -> list[Range]:
    """What is missing below `end`."""
    missing = []
    at = 0
    for first, last in ranges:
        if first >= end:
            break
        if first > at:
            missing.append((at, first))
        at = last
    if at < end:
        missing.append((at, end))
    return missing


def total(ranges: list[Range]) -> int:
    return sum(end - first for first, end in ranges)


def within(ranges: list[Range], first: int, end: int) -> int:
    """How many of first … end − 1 are in."""
    return sum(max(0, min(last, end) - max(low, first)) for low, last in ranges)
