"""Rows out of the pages of a database file, without the trees that lead to them.

The file format is https://www.sqlite.org/fileformat2.html, sections 1.6 (b-tree pages), 1.7 (overflow), 1.8
(pointer maps) and 2.1 (records). Whichever pages are damaged, the rows on every other page are found.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lyhord_gateway.store.recovery.wal import read_wal

Record = tuple[object, ...]

_PAGE_SIZE = 4096  # SQLite's default, in which every store is made
_INDEX_INTERIOR, _TABLE_INTERIOR, _INDEX_LEAF, _TABLE_LEAF = 2, 5, 10, 13
_FILE_HEADER = 100
_MAP_ENTRY = 5
_UNKNOWN, _ROOT, _TREE = 0, 1, 5  # kinds of pages in a pointer map; 2…4 are free and overflow pages
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)
_FLOAT, _ZERO, _ONE, _BLOB = 7, 8, 9, 12
_DEPTH_MAX = 20  # of a tree; a deeper one is a circle


class Unreadable(ValueError):
    """These bytes are not what SQLite would have written."""


@dataclass(frozen=True, slots=True)
class Row:
    """rowid: None in an index and in a table without row numbers."""

    rowid: int | None
    values: Record


class Pages:
    """The file `path` with what its write-ahead log adds to it. wal_overlooked: see `wal.Wal`. version:
    the schema's (`user_version`)."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDONLY)
        size = os.fstat(self._file).st_size
        header = self._at(self._file, 0, _FILE_HEADER) or b""
        self.size = _page_size(header)
        self._log = path.with_name(path.name + "-wal")
        wal = read_wal(self._log, self.size)
        self._overlay = wal.pages
        self._overlay_file = os.open(self._log, os.O_RDONLY) if self._overlay else -1
        self.wal_overlooked = wal.overlooked
        self.count = size // self.size
        self._map: tuple[int, bytes] = (0, b"")
        first = self.read(1) or b""
        self.header_sound = first[:16] == b"SQLite format 3\0" and _page_size(first) == self.size
        self.version = 0
        if self.header_sound:
            (self.version,) = struct.unpack_from(">I", first, 60)
            (known,) = struct.unpack_from(">I", first, 28)
            # A page that is gone is a hole too. (A damaged number of pages must not keep us for hours.)
            self.count = max(self.count, min(known, 2 * self.count + 1000))

    def close(self) -> None:
        os.close(self._file)
        if self._overlay_file >= 0:
            os.close(self._overlay_file)

    def read(self, number: int) -> bytes | None:
        """The whole page (numbers begin at 1); None if the file ends before it or the disk cannot read it."""
        if number in self._overlay:
            return self._at(self._overlay_file, self._overlay[number], self.size)
        return self._at(self._file, (number - 1) * self.size, self.size)

    @staticmethod
    def _at(file: int, place: int, length: int) -> bytes | None:
        try:
            data = os.pread(file, length, place)
        except OSError:
            return None
        return data if len(data) == length else None

    def trees(self) -> Iterator[int]:
        """The pages that hold parts of tables and indexes, and those of which nobody knows what they hold."""
        # The log's page numbers are taken one by one: a damaged one must not keep us for hours.
        beyond = sorted(number for number in self._overlay if number > self.count)
        for number in (*range(1, self.count + 1), *beyond):
            if number == 1 or (
                number != self._map_page(number) and self._kind(number)[0] in (_UNKNOWN, _ROOT, _TREE)
            ):
                yield number

    def root(self, number: int) -> int | None:
        """The root of the tree that a page belongs to; None if that cannot be known."""
        for _ in range(_DEPTH_MAX):
            if number == 1:
                return number
            kind, parent = self._kind(number)
            if kind == _ROOT:
                return number
            if kind != _TREE or not parent:
                return None
            number = parent
        return None

    def _map_page(self, number: int) -> int:
        """The pointer map that speaks of a page; its own number for a pointer map."""
        step = self.size // _MAP_ENTRY + 1
        return (number - 2) // step * step + 2

    def _kind(self, number: int) -> tuple[int, int]:
        """(kind, parent) of a page other than the first."""
        page = self._map_page(number)
        if self._map[0] != page:
            self._map = page, self.read(page) or b""
        place = (number - page - 1) * _MAP_ENTRY
        entry = self._map[1][place : place + _MAP_ENTRY]
        if len(entry) < _MAP_ENTRY or not _ROOT <= entry[0] <= _TREE:
            return _UNKNOWN, 0
        return entry[0], int.from_bytes(entry[1:], "big")

    def rows(self, number: int, above: int | None = None) -> Iterator[Row | None]:
        """The rows on a page; None for every place that cannot be read. above: only row numbers above it."""
        page = self.read(number)
        if page is None:
            yield None
            return
        start = _FILE_HEADER if number == 1 else 0
        kind = page[start]
        if kind == _TABLE_INTERIOR:
            return
        (cells,) = struct.unpack_from(">H", page, start + 3)
        first = start + (12 if kind == _INDEX_INTERIOR else 8)
        if kind not in (_TABLE_LEAF, _INDEX_LEAF, _INDEX_INTERIOR) or first + 2 * cells > self.size:
            yield None
            return
        places = [place for (place,) in struct.iter_unpack(">H", page[first : first + 2 * cells])]
        if above is not None and kind == _TABLE_LEAF and self._all_below(page, places, above):
            return
        for place in places:
            try:
                row = self._cell(page, kind, place)
                if above is None or row.rowid is None or row.rowid > above:
                    yield row
            except (Unreadable, IndexError, struct.error):
                yield None

    @staticmethod
    def _all_below(page: bytes, places: list[int], above: int) -> bool:
        """Row numbers ascend on a page: the last one says it of all."""
        try:
            return not places or _varint(page, _varint(page, places[-1])[1])[0] <= above
        except IndexError:
            return False

    def _cell(self, page: bytes, kind: int, at: int) -> Row:
        if kind == _INDEX_INTERIOR:
            at += 4  # left child
        length, at = _varint(page, at)
        rowid = None
        if kind == _TABLE_LEAF:
            rowid, at = _varint(page, at)
            rowid -= rowid >> 63 << 64
        return Row(rowid, _record(self._payload(page, at, length, kind)))

    def _payload(self, page: bytes, at: int, length: int, kind: int) -> bytes:
        local = _local(self.size, length, kind)
        if at + local > self.size or length > (self.count + len(self._overlay)) * self.size:
            raise Unreadable("a cell that is longer than its page")
        data = page[at : at + local]
        if local == length:
            return data
        (following,) = struct.unpack_from(">I", page, at + local)
        parts = [data]
        missing = length - local
        while missing > 0:
            more = self.read(following) if following > 1 else None
            if more is None:
                raise Unreadable("an overflow page that is not there")
            (following,) = struct.unpack_from(">I", more)
            parts.append(more[4 : 4 + missing])
            missing -= len(parts[-1])
        return b"".join(parts)


def _page_size(header: bytes) -> int:
    if len(header) < 18:
        return _PAGE_SIZE
    size = int.from_bytes(header[16:18], "big")
    return size if size in (512, 1024, 2048, 4096, 8192, 16384, 32768) else _PAGE_SIZE


def _local(size: int, length: int, kind: int) -> int:
    """The bytes of a record that lie in the cell itself (section 1.6)."""
    most = size - 35 if kind == _TABLE_LEAF else (size - 12) * 64 // 255 - 23
    if length <= most:
        return length
    least = (size - 12) * 32 // 255 - 23
    fitting = least + (length - least) % (size - 4)
    return fitting if fitting <= most else least


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for step in range(8):
        byte = data[at + step]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + step + 1
    return value << 8 | data[at + 8], at + 9


def _record(data: bytes) -> Record:
    end, at = _varint(data, 0)
    if end > len(data):
        raise Unreadable("a record's header that is longer than the record")
    place = end
    values: list[object] = []
    while at < end:
        kind = data[at]
        if kind < 0x80:  # almost always
            at += 1
        else:
            kind, at = _varint(data, at)
        value, place = _value(data, place, kind)
        values.append(value)
    if at != end or place != len(data):
        raise Unreadable("a record that is not as long as its columns")
    return tuple(values)


def _value(data: bytes, at: int, kind: int) -> tuple[object, int]:
    if kind <= 6:
        end = at + _INTEGER_BYTES[kind]
        return (int.from_bytes(data[at:end], "big", signed=True) if kind else None), end
    if kind == _FLOAT:
        return struct.unpack_from(">d", data, at)[0], at + 8
    if kind in (_ZERO, _ONE):
        return kind - _ZERO, at
    if kind < _BLOB:
        raise Unreadable("a column of a kind that SQLite keeps for itself")
    end = at + (kind - _BLOB) // 2
    part = data[at:end]
    if not kind & 1:
        return part, end
    try:
        return part.decode(), end
    except UnicodeDecodeError as error:
        raise Unreadable("a text that is none") from error
