"""A request of a board that is being answered, and the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..world.clock import Handle
from .process import Request, Status

FOREVER = -1


@dataclass(frozen=True, slots=True)
class Answer:
    a: int = 0
    b: int = 0
    data: bytes = b""
    status: Status = Status.OK


def failed(errno: int, text: str = "") -> Answer:
    """OSError(errno[, text]) on the board."""
    return Answer(errno, 0, text.encode(), Status.ERROR)


@dataclass(slots=True, eq=False)
class Call:
    """The board waits for this. `check` is asked again whenever something at the board changed."""

    request: Request
    answer: Answer | None = None
    alarm: Handle | None = None
    check: Callable[[], Answer | None] | None = field(default=None)

    def cancel(self) -> None:
        if self.alarm is not None:
            self.alarm.cancel()
            self.alarm = None
        self.check = None
