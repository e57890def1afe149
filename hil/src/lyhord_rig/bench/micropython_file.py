"""A file shaped like a MicroPython build for ESP32: bootloader's header, partition table, and a program with
its checksum and hash; what they hold is noise."""

import hashlib
import random
import struct

TABLE_AT = 0x8000
BANNER = b"MicroPython v1.28.0 on 2026-03-01; a test\0"
CHIP_IDS = {"esp32": 0, "esp32s3": 9}
Row = tuple[str, int, int]
ESP32_ROWS: tuple[Row, ...] = (
    ("nvs", 0x9000, 0x6000),
    ("phy_init", 0xF000, 0x1000),
    ("factory", 0x10000, 0x1F0000),
    ("vfs", 0x200000, 0x200000),
)


def program(size: int, banner: bytes = BANNER, chip: str = "esp32") -> bytes:
    """An image of one segment (ESP-IDF, "App Image Format"); `size` bytes in all, a multiple of 16."""
    data = banner + random.Random(size).randbytes(size - 32 - 32 - 16 - len(banner))
    header = struct.pack(
        "<BBBBIB3sHB2H4sB", 0xE9, 1, 2, 0x20, 0x40080000, 0xEE, b"", CHIP_IDS[chip], 0, 0, 0, b"", 1
    )
    body = header + struct.pack("<II", 0x3F400020, len(data)) + data
    checksum = 0xEF
    for byte in data:
        checksum ^= byte
    body += bytes(15 - len(body) % 16) + bytes((checksum,))
    return body + hashlib.sha256(body).digest()


def micropython_file(
    rows: tuple[Row, ...] = ESP32_ROWS,
    offset: int = 0x1000,
    size: int = 200_000,
    banner: bytes = BANNER,
    chip: str = "esp32",
) -> bytes:
    """`size` bytes that are flashed at `offset`, with a partition table of `rows` (label, offset, size)."""
    at = next((where for label, where, _ in rows if label in ("factory", "ota_0")), 0x10000) - offset
    data = bytearray(random.Random(size).randbytes(TABLE_AT - offset)).ljust(at, b"\xff")  # NVS is in the gap
    data[:4] = b"\xe9\x03\x02\x20"  # magic, segments, flash mode, flash size and speed
    entries = b"".join(
        struct.pack("<2sBBII16sI", b"\xaa\x50", 1, 2, where, length, label.encode(), 0)
        for label, where, length in rows
    )
    start = TABLE_AT - offset
    data[start : start + 0xC00] = entries.ljust(0xC00, b"\xff")
    return bytes(data) + program(size - at, banner, chip)
