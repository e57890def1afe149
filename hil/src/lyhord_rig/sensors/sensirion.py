"""Sensirion's sensors on their I2C bus, the common part: words with a checksum, and the faults of any."""

from __future__ import annotations

from enum import Enum

from ..world.clock import World


class Fault(Enum):
    ABSENT = "absent"
    STUCK = "stuck"  # holds SDA low: nothing on its bus can be reached
    SILENT = "silent"  # measurements never end
    CORRUPT = "corrupt"  # a bit of every answer flips on the wire


def crc8(data: bytes) -> int:
    """Polynomial x⁸+x⁵+x⁴+1, not reflected, from 0xFF; of BE EF: 0x92 (SHT3x-DIS data sheet, table 19)."""
    crc = 0xFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc << 1 ^ (0x31 if crc & 0x80 else 0)) & 0xFF
    return crc


def word(value: int) -> bytes:
    """A word of 16 bits with its checksum."""
    data = value.to_bytes(2, "big")
    return data + bytes((crc8(data),))


def air(temperature_dc: int, humidity_dp: int) -> bytes:
    """The words of 0.1 °C (−45…130) and 0.1 %, the same for all of these sensors."""
    temperature = min(max((temperature_dc + 450) * 65_535 // 1_750, 0), 65_535)
    humidity = min(max(humidity_dp * 65_535 // 1_000, 0), 65_535)
    return word(temperature) + word(humidity)


class Sensirion:
    """A sensor with power and a fault. not_acknowledged: transfers that came at the wrong moment."""

    def __init__(self, world: World) -> None:
        self.fault: Fault | None = None
        self.not_acknowledged = 0
        self._world = world
        self._powered = True
        self._answer = b""  # to the next read
        self._answers = 0

    @property
    def holds_bus(self) -> bool:
        return self.fault is Fault.STUCK

    @property
    def _is_there(self) -> bool:
        return self._powered and self.fault not in (Fault.ABSENT, Fault.STUCK)

    def _refuse(self) -> bool:
        self.not_acknowledged += self._is_there
        return False

    def _take_answer(self, size: int) -> bytes:
        answer = bytearray(self._answer[:size].ljust(size, b"\xff"))
        self._answer = b""
        self._answers += 1
        if self.fault is Fault.CORRUPT:
            answer[self._answers % size] ^= 0x04
        return bytes(answer)
