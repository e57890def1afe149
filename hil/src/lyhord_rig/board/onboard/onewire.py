# The interface of the frozen onewire module of the ESP32 port, on a bus emulated at the byte and the bit.
import _link
from micropython import const

_RESET = const(18)
_WRITE = const(19)
_READ = const(20)
_WRITE_BIT = const(21)
_READ_BIT = const(22)
_SLOT_US = const(70)


class OneWireError(Exception):
    pass


class OneWire:
    SEARCH_ROM = 0xF0
    MATCH_ROM = 0x55
    SKIP_ROM = 0xCC

    def __init__(self, pin):
        self.pin = pin

    def reset(self, required=False):
        _link.charge(960)
        present = _link.call(_RESET, self.pin.id)
        if required and not present:
            raise OneWireError
        return bool(present)

    def readbit(self):
        _link.charge(_SLOT_US)
        return _link.call(_READ_BIT, self.pin.id)

    def readbyte(self):
        _link.charge(8 * _SLOT_US)
        return _link.call(_READ, self.pin.id)

    def readinto(self, buf):
        for i in range(len(buf)):
            buf[i] = self.readbyte()

    def writebit(self, value):
        _link.charge(_SLOT_US)
        _link.post(_WRITE_BIT, self.pin.id, 1 if value else 0)

    def writebyte(self, value):
        _link.charge(8 * _SLOT_US)
        _link.post(_WRITE, self.pin.id, value & 0xFF)

    def write(self, buf):
        for b in buf:
            self.writebyte(b)

    def select_rom(self, rom):
        self.reset()
        self.writebyte(self.MATCH_ROM)
        self.write(rom)

    def crc8(self, data):
        crc = 0
        for b in data:
            crc ^= b
            for _ in range(8):
                crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
        return crc

    def scan(self):
        found = []
        last = -1  # the bit where the last search took 0 with 1 left to try
        rom = bytearray(8)
        while True:
            if not self.reset():
                return found
            self.writebyte(self.SEARCH_ROM)
            fork = -1
            for i in range(64):
                one = self.readbit()
                zero = self.readbit()
                if one and zero:
                    return found
                if one != zero:
                    bit = one
                elif i == last:
                    bit = 1
                elif i > last:
                    bit = 0
                else:
                    bit = rom[i >> 3] >> (i & 7) & 1
                if one == zero and not bit:
                    fork = i
                self.writebit(bit)
                if bit:
                    rom[i >> 3] |= 1 << (i & 7)
                else:
                    rom[i >> 3] &= ~(1 << (i & 7))
            found.append(bytearray(rom))
            last = fork
            if fork < 0:
                return found
