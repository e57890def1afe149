"""The SX1276's FIFO: 256 bytes that sending and receiving share (datasheet rev 7, section 4.1.2.3)."""

from __future__ import annotations

SIZE = 256


class Fifo:
    """Addresses wrap at 256. Knows which bytes the driver wrote since the FIFO was lost or overwritten."""

    def __init__(self) -> None:
        self._bytes = bytearray(SIZE)
        self._written = bytearray(SIZE)

    def clear(self) -> None:
        self._bytes[:] = self._written[:] = bytes(SIZE)

    def read(self, at: int) -> int:
        return self._bytes[at % SIZE]

    def write(self, at: int, value: int) -> None:
        self._bytes[at % SIZE] = value
        self._written[at % SIZE] = 1

    def has(self, start: int, size: int) -> bool:
        return all(self._written[(start + at) % SIZE] for at in range(size))

    def take(self, start: int, size: int) -> bytes:
        return bytes(self._bytes[(start + at) % SIZE] for at in range(size))

    def put(self, start: int, data: bytes) -> None:
        """A received frame."""
        for at, value in enumerate(data):
            self._bytes[(start + at) % SIZE] = value
            self._written[(start + at) % SIZE] = 0
