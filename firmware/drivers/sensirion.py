"""Sensirion's sensors on I²C, their common part: commands of two bytes, words of two bytes and a checksum.

What goes wrong on the bus is a value, not an exception: nothing is given and `fault` says why.
"""

import time
from errno import ETIMEDOUT

ABSENT = "absent"  # nobody acknowledged the address
BUS = "bus"  # the bus itself hangs: a line is held low
BUSY = "busy"  # a measurement did not end
CRC = "crc"  # bytes changed on the wire

_WORD = 3  # bytes, with the checksum


class Sensirion:
    """One sensor at `address` of `i2c` (`machine.I2C`) that answers with up to `words` words."""

    def __init__(self, i2c, address, words):
        self._i2c = i2c
        self._address = address
        self._words = bytearray(_WORD * words)
        self._deadline = None
        self.fault = None  # why the last call gave nothing

    settle_ms = 50

    def _begin(self, command, deadline_ms):
        """Begins a measurement that has ended in `deadline_ms`. True, or False with the reason in `fault`."""
        self._deadline = None
        if not self._command(command):
            return False
        self._deadline = time.ticks_add(time.ticks_ms(), deadline_ms)
        return True

    def _is_measuring(self):
        """True if it refuses to be read, as it does while it measures; else what it gives is old."""
        return not self._receive(self._words) and self.fault == ABSENT

    def _is_late(self):
        return time.ticks_diff(time.ticks_ms(), self._deadline) >= 0

    def _command(self, command):
        """True, or False with the reason in `fault`."""
        self.fault = None
        try:
            self._i2c.writeto(self._address, command)
        except OSError as error:
            self.fault = _reason(error)
        return self.fault is None

    def _receive(self, into):
        """Reads whole words. True, or False with the reason in `fault`."""
        self.fault = None
        try:
            self._i2c.readfrom_into(self._address, into)
        except OSError as error:
            self.fault = _reason(error)
            return False
        for start in range(0, len(into), _WORD):
            if crc8(into, start) != into[start + 2]:
                self.fault = CRC
        return self.fault is None


def _reason(error):
    return BUS if error.errno == ETIMEDOUT else ABSENT


def crc8(words, start):
    """CRC of the two bytes from `start` on: polynomial 0x31, begins with FF, not reflected."""
    crc = 0xFF
    for index in range(start, start + 2):
        crc ^= words[index]
        for _ in range(8):
            crc = crc << 1 ^ 0x131 if crc & 0x80 else crc << 1
    return crc
