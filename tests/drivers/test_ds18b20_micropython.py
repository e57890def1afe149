"""The DS18B20 driver: what it believes, and what it says about the rest."""

from drivers.ds18b20 import ABSENT, CRC, FAILED, POWER_ON, Ds18b20, conversion_ms, scan
from tests.fakes.one_wire_bus import OneWireBus, crc8


def test_the_fake_has_the_crc_of_the_data_sheet():
    # Power-on scratchpad of a genuine part, CRC included.
    assert crc8(bytes((0x50, 0x05, 0x4B, 0x46, 0x7F, 0xFF, 0x0C, 0x10))) == 0x1C


def test_temperatures_of_the_data_sheet_are_rounded_to_tenths():
    for raw, temperature_dc in (
        (0x07D0, 1250),
        (0x0191, 251),  # 25.0625
        (0x00A2, 101),  # 10.125
        (0x0008, 5),
        (0x0000, 0),
        (0xFFF8, -5),
        (0xFF5E, -101),
        (0xFE6F, -251),
        (0xFC90, -550),
        (0x0001, 1),
        (0xFFFF, -1),
    ):
        bus = OneWireBus(raw, byte_6=0x10)
        sensor = Ds18b20(bus)
        assert sensor.read_dc() == temperature_dc, raw
        assert sensor.fault is None
        assert bus.written == ["reset", 0xCC, 0xBE]


def test_every_reading_is_the_nearest_tenth():
    for raw in range(-880, 2001):
        if raw in (0x0550, 0x07FF):
            continue
        temperature_dc = Ds18b20(OneWireBus(raw & 0xFFFF, byte_6=0x10)).read_dc()
        assert abs(temperature_dc * 16 - raw * 10) <= 8, raw


def test_the_power_on_value_is_not_a_temperature():
    sensor = Ds18b20(OneWireBus(0x0550, byte_6=0x0C))
    assert sensor.read_dc() is None and sensor.fault == POWER_ON
    assert sensor.read_dc(expected_dc=210) is None and sensor.fault == POWER_ON
    assert sensor.read_dc(expected_dc=840) == 850 and sensor.fault is None
    assert Ds18b20(OneWireBus(0x0550, byte_6=0x10)).read_dc() == 850


def test_a_failed_conversion_is_not_a_temperature():
    sensor = Ds18b20(OneWireBus(0x07FF, byte_6=0x10))
    assert sensor.read_dc() is None and sensor.fault == FAILED


def test_a_changed_byte_is_not_believed():
    for bit in range(8):
        bus = OneWireBus(0x0191, byte_6=0x10)
        bus.flipped = 1 << bit
        sensor = Ds18b20(bus)
        assert sensor.read_dc() is None and sensor.fault == CRC


def test_a_shorted_line_is_not_zero_degrees():
    bus = OneWireBus(0x0191)
    bus.shorted = True
    assert crc8(bytes(9)) == 0  # which is the trap
    sensor = Ds18b20(bus)
    assert sensor.read_dc() is None and sensor.fault == CRC


def test_an_absent_sensor_is_a_value():
    bus = OneWireBus(0x0191, byte_6=0x10)
    bus.present = False
    sensor = Ds18b20(bus)
    assert sensor.start() is False and sensor.fault == ABSENT
    assert sensor.read_dc() is None and sensor.fault == ABSENT
    assert sensor.set_resolution(9) is False and sensor.fault == ABSENT
    bus.present = True
    assert sensor.start() is True and sensor.fault is None
    assert sensor.read_dc() == 251


def test_resolution_is_written_and_the_bits_below_it_are_ignored():
    bus = OneWireBus(0x0197, byte_6=0x10)
    sensor = Ds18b20(bus)
    for bits, config, temperature_dc in ((9, 0x1F, 250), (10, 0x3F, 253), (11, 0x5F, 254), (12, 0x7F, 254)):
        bus.written.clear()
        assert sensor.set_resolution(bits)
        assert bus.written == ["reset", 0xCC, 0x4E, 0x4B, 0x46, config]
        bus.config = config
        assert sensor.read_dc() == temperature_dc
    for bits in (8, 13):
        try:
            sensor.set_resolution(bits)
        except ValueError:
            continue
        raise AssertionError("resolution %d" % bits)
    assert [conversion_ms(bits) for bits in range(9, 13)] == [94, 188, 375, 750]


def test_one_of_several_is_addressed_by_its_rom():
    bus = OneWireBus(0x0191, byte_6=0x10)
    bus.roms = [b"\x28\x01\x02\x03\x04\x05\x06\x07", b"\x01\x01\x02\x03\x04\x05\x06\x07"]
    roms = scan(bus)
    assert roms == bus.roms[:1]
    assert Ds18b20(bus, roms[0]).read_dc() == 251
    assert bus.selected == roms[0] and 0xCC not in bus.written
