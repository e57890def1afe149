"""What Sensirion's sensors on I²C have in common: each word of two bytes is followed by its checksum."""


def crc8(words, start):
    """CRC of the two bytes from `start` on: polynomial 0x31, begins with FF, not reflected."""
    crc = 0xFF
    for index in range(start, start + 2):
        crc ^= words[index]
        for _ in range(8):
            crc = crc << 1 ^ 0x131 if crc & 0x80 else crc << 1
    return crc
