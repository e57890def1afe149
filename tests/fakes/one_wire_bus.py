"""`onewire.OneWire` as a DS18B20 on the other end of it would answer; the test sets the scratchpad."""


def crc8(data):
    """Maxim's CRC-8, reflected polynomial 0x8C, as MicroPython's onewire has it."""
    crc = 0
    for byte in data:
        for _ in range(8):
            mix = (crc ^ byte) & 1
            crc >>= 1
            if mix:
                crc ^= 0x8C
            byte >>= 1
    return crc


class OneWireBus:
    """`raw` is the temperature register; `byte_6` 0x10 after a conversion, 0x0C at power-on."""

    def __init__(self, raw=0x0550, byte_6=0x0C, config=0x7F):
        self.present = True
        self.shorted = False
        self.flipped = 0
        self.raw = raw
        self.byte_6 = byte_6
        self.config = config
        self.written = []
        self.selected = None
        self.roms = []

    def reset(self):
        self.written.append("reset")
        return self.present

    def writebyte(self, byte):
        self.written.append(byte)

    def select_rom(self, rom):
        self.selected = bytes(rom)

    def scan(self):
        return self.roms

    def readinto(self, buffer):
        pad = bytearray((self.raw & 0xFF, self.raw >> 8, 0x4B, 0x46, self.config, 0xFF, self.byte_6, 0x10))
        pad.append(crc8(pad))
        pad[3] ^= self.flipped
        for index in range(len(buffer)):
            buffer[index] = 0 if self.shorted else pad[index]

    def crc8(self, data):
        return crc8(data)
