"""The place of a MicroPython build's file system, from the partition table inside its file.

ESP-IDF "Partition Tables": 32-byte entries at flash offset 0x8000, magic AA 50, then type, subtype,
offset, size (little-endian) and a 16-byte label. MicroPython names its file system "vfs"; newer builds
leave it out of the table and give it everything from the last partition to the end of the flash.
"""

import struct
from dataclasses import dataclass

from lyhord_tools.errors import ToolError

TABLE_OFFSET = 0x8000
_TABLE_SIZE = 0xC00
_ENTRY = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaa\x50"


@dataclass(frozen=True, slots=True)
class Partition:
    """One entry: `offset` and `size` in bytes of flash."""

    label: str
    offset: int
    size: int


def read_table(micropython: bytes, micropython_offset: int) -> list[Partition]:
    """The partitions in a MicroPython file that is flashed at `micropython_offset`.

    Raises ToolError when there is no table where that chip's loader looks for it.
    """
    start = TABLE_OFFSET - micropython_offset
    table = micropython[start : start + _TABLE_SIZE]
    partitions = []
    for at in range(0, len(table) - _ENTRY.size + 1, _ENTRY.size):
        magic, _, _, offset, size, label, _ = _ENTRY.unpack_from(table, at)
        if magic != _MAGIC:
            break
        partitions.append(Partition(label.rstrip(b"\0").decode("ascii", "replace"), offset, size))
    if not partitions:
        raise ToolError("the MicroPython file holds no partition table where this chip looks for it")
    return partitions


def file_system(partitions: list[Partition], flash_size: int) -> Partition:
    """The partition in which MicroPython keeps its files, for a flash of `flash_size` bytes."""
    for partition in partitions:
        if partition.label == "vfs":
            return partition
    end = max(partition.offset + partition.size for partition in partitions)
    return Partition("vfs", end, flash_size - end)
