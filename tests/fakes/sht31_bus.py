"""An I²C bus with an SHT31 on it, as MicroPython's `machine.I2C` shows it; the test sets words and faults."""

from errno import ENODEV, ETIMEDOUT

MEASURE_US = 12_500


def crc8(data):
    """The sensor's CRC written another way: long division over the message with FF in front of it."""
    value = data[0] << 8 | data[1]
    value ^= 0xFF00
    value <<= 8
    for bit in range(23, 7, -1):
        if value >> bit & 1:
            value ^= 0x131 << bit - 8
    return value


class Sht31Bus:
    def __init__(self, ticks, temperature=0x6666, humidity=0x8000):
        self.temperature = temperature
        self.humidity = humidity
        self.address = 0x44
        self.present = True
        self.stuck = False  # the data line is held low
        self.endless = False  # a measurement does not end
        self.flipped = {}  # index of the byte: bits that change on the wire
        self.heater = False
        self.written = []
        self._ticks = ticks
        self._ready_us = None
        self._answer = b""

    def writeto(self, address, data):
        self._check(address)
        if self._is_measuring():
            raise OSError(ENODEV)
        data = bytes(data)
        self.written.append(data)
        self._ready_us = None
        if data == b"\x24\x00":
            self._ready_us = self._ticks.now_us + MEASURE_US
            self._answer = self._words(self.temperature, self.humidity)
        elif data == b"\xf3\x2d":
            self._answer = self._words(0x8010 | (0x2000 if self.heater else 0))
        elif data == b"\x30\xa2":
            self.heater = self.endless = False
            self._answer = b""
        else:
            raise OSError(ENODEV)

    def readfrom_into(self, address, buffer):
        self._check(address)
        if self._is_measuring() or not self._answer:
            raise OSError(ENODEV)
        buffer[:] = self._answer[: len(buffer)]
        self._answer = b""

    def _is_measuring(self):
        return self._ready_us is not None and (self.endless or self._ticks.now_us < self._ready_us)

    def _check(self, address):
        if self.stuck:
            raise OSError(ETIMEDOUT)
        if not self.present or address != self.address:
            raise OSError(ENODEV)

    def _words(self, *words):
        answer = bytearray()
        for word in words:
            pair = bytes((word >> 8, word & 0xFF))
            answer += pair + bytes((crc8(pair),))
        for index, bits in self.flipped.items():
            answer[index] ^= bits
        return bytes(answer)
