"""A second witness of what the store has promised: a small file beside it, with an fsync of its own.

    page 0, page 1   which store, how many downlink counters are reserved, stopped cleanly or not; written
                     in turns, so that one is whole whatever happens to the other
    page 2           what the newest commit had given out, written after it without an fsync

A store that lost its write-ahead log, or an older copy that was put in its place, is whole in itself and has
forgotten what it gave out since. No counter is given out beyond what is reserved here, so the reserve says
how many can be forgotten at most (`promises.py`). It is written once per BLOCK answers, not per answer.
"""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK = 1024  # downlink counters, of all nodes together, that one write reserves
TAIL = "-witness"

_PAGE = 4096  # what a disk tears or loses at once
_SLOT = struct.Struct(">4sB3xQ16sQ")  # magic, running, serial, identity, reserved
_NOTE = struct.Struct(">4s16sQQ")  # magic, identity, given, high
_SUM = struct.Struct(">I")
_MAGIC = b"LYW1"
IDENTITY = 16  # bytes


@dataclass(frozen=True, slots=True)
class Testimony:
    """The file's contents. whole: both copies are readable. reserved: downlink counters of all nodes that may
    have been given out. given, high: counters and arrival number of the newest commit that is known of.
    running: the gateway did not stop cleanly."""

    identity: bytes
    reserved: int
    given: int
    high: int
    running: bool
    whole: bool


def path_of(store: Path) -> Path:
    return store.with_name(store.name + TAIL)


def read_testimony(store: Path) -> Testimony | None:
    """None if there is no such file, or nothing in it can be believed."""
    try:
        data = path_of(store).read_bytes()
    except OSError:
        return None
    slots = [slot for at in (0, _PAGE) if (slot := _read(data, at, _SLOT)) is not None]
    if not slots:
        return None
    _, running, _, identity, reserved = max(slots, key=lambda slot: int(slot[2]))
    note = _read(data, 2 * _PAGE, _NOTE)
    given, high = (note[2], note[3]) if note is not None and note[1] == identity else (0, 0)
    return Testimony(identity, reserved, given, high, bool(running), len(slots) == 2)


class Witness:
    """Writes the file. Raises OSError where the disk refuses; then nothing may be given out."""

    def __init__(self, store: Path, identity: bytes, given: int, high: int, running: bool = True) -> None:
        """given: downlink counters that all nodes together have been given. Both copies are written."""
        self._identity = identity
        self._serial = 0
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(path_of(store), flags, 0o600)
        self.reserved = given
        try:
            self._serial = self._newest_serial()
            os.ftruncate(self._file, 3 * _PAGE)
            self._write(running)
            self._write(running)
            self.note(given, high)
            os.fsync(self._file)
            _sync_folder(store.parent)
        except OSError:
            os.close(self._file)
            raise

    def reserve(self, given: int) -> None:
        """Makes it durable that so many counters may be given out, before they are."""
        if given > self.reserved:
            before, self.reserved = self.reserved, given + BLOCK
            try:
                self._write(running=True)
            except OSError:
                self.reserved = before
                raise

    def note(self, given: int, high: int) -> None:
        """Notes what the newest commit has given out. No fsync: it survives a kill, and mostly a power cut;
        it serves to notice a loss, never to bound it."""
        self._put(2 * _PAGE, _NOTE.pack(_MAGIC, self._identity, given, high))

    def close(self, given: int, high: int) -> None:
        """After the last commit of a clean stop: exactly this was given out."""
        try:
            self.reserved = given
            self.note(given, high)
            self._write(running=False)
            self._write(running=False)
        finally:
            os.close(self._file)

    def _newest_serial(self) -> int:
        data = os.pread(self._file, 2 * _PAGE, 0)
        return max((int(slot[2]) for at in (0, _PAGE) if (slot := _read(data, at, _SLOT))), default=0)

    def _write(self, running: bool) -> None:
        serial = (
            self._serial + 1
        )  # counts when it is on the disk: what fails is tried again at the same place
        slot = _SLOT.pack(_MAGIC, running, serial, self._identity, self.reserved)
        self._put(serial % 2 * _PAGE, slot)
        os.fsync(self._file)
        self._serial = serial

    def _put(self, at: int, data: bytes) -> None:
        data += _SUM.pack(zlib.crc32(data))
        if os.pwrite(self._file, data, at) != len(data):
            raise OSError(28, "No space left on device")


def _read(data: bytes, at: int, kind: struct.Struct) -> tuple[Any, ...] | None:
    part = data[at : at + kind.size + _SUM.size]
    if len(part) < kind.size + _SUM.size or part[:4] != _MAGIC:
        return None
    if zlib.crc32(part[: kind.size]) != _SUM.unpack_from(part, kind.size)[0]:
        return None
    return kind.unpack_from(part)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
