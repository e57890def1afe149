"""The SHT31's numbers and checksum, against the data sheet and exact arithmetic."""

from drivers.sensirion import crc8
from drivers.sht31 import humidity_permille, temperature_dc


def divided(pair):
    """The checksum written another way: long division over the message with FF in front of it."""
    value = ((pair[0] << 8 | pair[1]) ^ 0xFF00) << 8
    for bit in range(23, 7, -1):
        if value >> bit & 1:
            value ^= 0x131 << bit - 8
    return value


def test_the_crc_is_that_of_the_data_sheet():
    assert crc8(b"\xbe\xef", 0) == 0x92  # table 20
    assert divided(b"\xbe\xef") == 0x92
    for word in range(0, 65536, 257):
        pair = bytes((word >> 8, word & 0xFF))
        assert crc8(b"\x00" + pair, 1) == divided(pair)


def test_numbers_are_the_nearest_tenth():
    for raw in range(0, 65536, 13):
        assert abs(temperature_dc(raw) - (-450 + 1750 * raw / 65535)) <= 0.5
        assert abs(humidity_permille(raw) - 1000 * raw / 65535) <= 0.5
    assert temperature_dc(0) == -450 and temperature_dc(65535) == 1300
    assert humidity_permille(0) == 0 and humidity_permille(65535) == 1000
    assert temperature_dc(0x6666) == 250
