"""The world's decisions about a board's flash writes: how long they take, where a power cut tears one.

Times are those of a W25Q32 (datasheet, AC characteristics, typical): 0.4 ms per 256-byte page, 45 ms per
4 KiB sector.
"""

from __future__ import annotations

import random
from collections.abc import Callable

from .call import Answer, Call

_PAGE = 256
_PAGE_US = 400
_SECTOR = 4096
_SECTOR_US = 45_000


class Flash:
    """`writes`, `erases`: operations so far.

    A cut falls into the middle of a write or an erase, or of a change of the non-volatile storage, which
    lies in the same chip.
    """

    def __init__(self, rng: random.Random, cut: Callable[[], None]) -> None:
        self._rng = rng
        self._cut = cut
        self._writes_left = 0
        self.writes = 0
        self.erases = 0

    def cut_after(self, writes: int | None) -> None:
        """Power goes in the middle of the `writes`-th change from now; None: it stays."""
        if writes is not None and writes < 1:
            raise ValueError("the first write is number 1")
        self._writes_left = writes or 0
        self._rng.seed(f"{self._rng.random()} {writes}")  # another moment, another tear

    def strikes(self) -> bool:
        """A change begins; whether the power goes in the middle of it."""
        if not self._writes_left:
            return False
        self._writes_left -= 1
        return not self._writes_left

    def survive(self, size: int) -> int:
        """The bytes of a change of `size` that get through when the power goes: 0…size-1."""
        return self._rng.randrange(size)

    def write(self, call: Call) -> tuple[int, Answer]:
        """(duration in us, answer with the number of bytes that get written)"""
        size = call.request.b
        self.writes += 1
        if self.strikes():
            size = self.survive(size)
        return -(-size // _PAGE) * _PAGE_US, Answer(size)

    def erase(self, call: Call) -> tuple[int, Answer]:
        """(duration in us, answer with the number of bytes that get erased)"""
        self.erases += 1
        return _SECTOR_US, Answer(self.survive(_SECTOR) if self.strikes() else _SECTOR)

    def torn(self, call: Call) -> None:
        self._cut()
