"""The write-ahead log as SQLite wrote it (https://www.sqlite.org/fileformat2.html section 4).

    header (32) │ frame │ frame │ …          frame = header (24) │ page
                                             header = page, size after a commit, 2 salts, 2 checksums

SQLite reads up to the first frame whose checksum fails and forgets the rest without a word: right after a
power cut, where the rest was never acknowledged; wrong after damage. Each checksum continues that of the
frame before, so a frame behind a hole can be judged all the same.
"""

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_HEADER = 32
_FRAME = 24
_MAGIC = 0x377F0682  # + 1 where the checksums are made of big-endian words
_MASK = 0xFFFFFFFF

Sums = tuple[int, int]


@dataclass(slots=True)
class Wal:
    """pages: page number → place in the file of its newest committed content. overlooked: commits are in
    here that SQLite would not find."""

    pages: dict[int, int] = field(default_factory=dict)
    overlooked: bool = False


def read_wal(path: Path, page_size: int) -> Wal:
    """page_size: of the database, for a log whose own header is unreadable. No log is an empty log."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return Wal()
    return _Log(data, page_size).wal()


class _Log:
    def __init__(self, data: bytes, page_size: int) -> None:
        self._data = data
        self._little = sys.byteorder == "little"
        self._size = page_size
        self._salts = b""
        self._start: Sums | None = None  # None: the header is damaged
        if len(data) >= _HEADER:
            magic, _, size = struct.unpack_from(">III", data)
            sums = struct.unpack_from(">II", data, 24)
            if magic | 1 == _MAGIC | 1 and self._sums(data[:24], (0, 0), little=not magic & 1) == sums:
                self._little, self._size, self._salts, self._start = not magic & 1, size, data[16:24], sums

    def wal(self) -> Wal:
        wal = Wal()
        if self._start is None:
            self._salts = self._find_salts()
        following = True  # SQLite still follows
        pending: dict[int, int] = {}
        for at, sound, chained in self._frames():
            following = following and chained
            if not sound:
                continue
            page, commit = struct.unpack_from(">II", self._data, at)
            pending[page] = at + _FRAME
            if commit:
                wal.pages.update(pending)
                pending.clear()
                wal.overlooked = wal.overlooked or not following
        return wal

    def _frames(self) -> Iterator[tuple[int, bool, bool]]:
        """(place, is it readable, does it continue the one before) of every frame of this log's salts.

        A frame behind one whose header is lost cannot be judged; its salts, 64 random bits, vouch for it.
        """
        sums = self._start
        chained = sums is not None
        for at in range(_HEADER, len(self._data) - _FRAME - self._size + 1, _FRAME + self._size):
            if not self._salts or self._data[at + 8 : at + 16] != self._salts:
                sums, chained = None, False
                continue
            right = sums is not None and self._frame_sums(at, sums) == self._stored(at)
            chained = chained and right
            yield at, right or sums is None, chained
            sums = self._stored(at)

    def _find_salts(self) -> bytes:
        """Those of the first two frames of which the second continues the first."""
        step = _FRAME + self._size
        for at in range(_HEADER, len(self._data) - 2 * step + 1, step):
            following = at + step
            if self._frame_sums(following, self._stored(at)) == self._stored(following):
                return self._data[following + 8 : following + 16]
        return b""

    def _stored(self, at: int) -> Sums:
        first, second = struct.unpack_from(">II", self._data, at + 16)
        return first, second

    def _frame_sums(self, at: int, sums: Sums) -> Sums:
        sums = self._sums(self._data[at : at + 8], sums, self._little)
        return self._sums(self._data[at + _FRAME : at + _FRAME + self._size], sums, self._little)

    @staticmethod
    def _sums(data: bytes, sums: Sums, little: bool) -> Sums:
        first, second = sums
        words = iter(struct.unpack(f"{'<' if little else '>'}{len(data) // 4}I", data))
        for word in words:
            first = first + word + second & _MASK
            second = second + next(words) + first & _MASK
        return first, second
