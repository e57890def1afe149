"""The source of a platform's readings, and the record of how far it has come."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from lyhord_gateway.model.intervals import Interval
from lyhord_gateway.model.reading import Reading
from lyhord_gateway.model.watermarks import Watermarks
from lyhord_gateway.publish.lanes import Part


@dataclass(frozen=True, slots=True)
class Backlog:
    """page: at most so many readings of a part. deliver: makes it durable that the platform has first …
    end − 1. delivered: what it had acknowledged before this start. skipped: is called for every reading that
    the platform does not take and is not sent any more."""

    watermarks: Watermarks
    page: Callable[[Part, int], Awaitable[list[Reading]]]
    deliver: Callable[[int, int], None]
    delivered: Sequence[Interval]
    skipped: Callable[[], None] = lambda: None
