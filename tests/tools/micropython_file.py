"""A file shaped like a MicroPython build for ESP32: image header, partition table, the rest noise."""

import random
import struct

TABLE_AT = 0x8000
Row = tuple[str, int, int]
ESP32_ROWS: tuple[Row, ...] = (
    ("nvs", 0x9000, 0x6000),
    ("phy_init", 0xF000, 0x1000),
    ("factory", 0x10000, 0x1F0000),
    ("vfs", 0x200000, 0x200000),
)


def micropython_file(rows: tuple[Row, ...] = ESP32_ROWS, offset: int = 0x1000, size: int = 200_000) -> bytes:
    """`size` bytes that are flashed at `offset`, with a partition table of `rows` (label, offset, size)."""
    data = bytearray(random.Random(size).randbytes(size))
    data[:4] = b"\xe9\x03\x02\x20"  # magic, segments, flash mode, flash size and speed
    entries = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", 1, 2, at, length, label.encode(), 0)
        for label, at, length in rows
    )
    start = TABLE_AT - offset
    data[start : start + 0xC00] = entries.ljust(0xC00, b"\xff")
    return bytes(data)
