"""The one rule for when a sample was taken; docs/clocks.md says it in words.

    age (clock not set)     the frame's arrival, rounded, minus the age
    Unix seconds            as the node says, if it lies in  now − PAST_S … now + AHEAD_S
    anything else           re-dated: the newest sample of the frame gets the frame's arrival, and the
                            distances between the samples stay

Every date that leaves this module lies in EARLIEST_S … LATEST_S.
"""

from enum import Enum
from typing import NamedTuple

EARLIEST_S = 1_704_067_200  # 2024-01-01: before it there was no node of ours
LATEST_S = (1 << 32) - 1  # as the wire counts
AHEAD_S = 900  # a node's RC oscillator may be that wrong between two answers
DOUBT_AHEAD_S = 400 * 86_400  # while our own clock is in doubt, a node's may be the better one
PAST_S = 3 * 365 * 86_400  # longer than any log of samples
_GRID_S = (60, 50, 40, 30, 20, 10)


class Redated(Enum):
    """The reason why the node's own date was not believed; the values are counters' names."""

    FUTURE = "future"
    PAST = "past"
    AGE = "age"


class Dated(NamedTuple):
    """first_s: Unix seconds of the first sample. redated: None if the node's date was taken."""

    first_s: int
    redated: Redated | None


def bounded(time_s: int) -> int:
    """The nearest time that can be one of ours."""
    return min(max(time_s, EARLIEST_S), LATEST_S)


def plausible(first_s: int, newest_s: int, heard_s: int) -> bool:
    """Unix seconds as a node says them are taken, even if our own clock is in no doubt. heard_s: bounded."""
    return max(EARLIEST_S, heard_s - PAST_S) <= first_s and newest_s <= min(heard_s + AHEAD_S, LATEST_S)


def date(
    time: int, period_s: int, count: int, heard_s: int, doubtful: bool = False, after_s: int = 0
) -> Dated:
    """The time when the first sample of a report was taken.

    time, period_s, count: of the report, as on the wire; heard_s: Unix seconds of its arrival. doubtful: our
    own clock may be behind (`clock.py`). after_s: an earlier sample of the node was dated so, by its age.
    """
    heard_s = bounded(heard_s)
    span_s = max(0, count - 1) * period_s
    earliest_s = max(EARLIEST_S, heard_s - PAST_S)
    if time < 0:
        first_s = _by_age(-1 - time, period_s, heard_s, after_s)
        why = Redated.AGE if first_s < earliest_s else None
    else:
        first_s = time
        latest_s = heard_s + (DOUBT_AHEAD_S if doubtful else AHEAD_S)
        ahead = first_s + span_s > latest_s
        why = Redated.FUTURE if ahead else Redated.PAST if first_s < earliest_s else None
    if why is not None:
        first_s = heard_s - span_s
    return Dated(min(max(first_s, EARLIEST_S), LATEST_S - span_s), why)


def _by_age(age_s: int, period_s: int, heard_s: int, after_s: int) -> int:
    """The arrival, rounded to a grid, minus the age: so two gateways that hear a frame seconds apart nearly
    always give its samples the same times, at most half a minute from the truth. The grid is never wider than
    the samples' distance, and finer where an earlier sample would be met: no two samples of a node fall
    together by it."""
    for grid_s in _GRID_S:
        if grid_s <= (period_s or _GRID_S[0]):
            first_s = (heard_s + grid_s // 2) // grid_s * grid_s - age_s
            if first_s > after_s:
                return first_s
    exact_s = heard_s - age_s
    return after_s + 1 if 0 <= after_s - exact_s < _GRID_S[0] else exact_s
