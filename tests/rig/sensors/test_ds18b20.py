"""The emulated DS18B20, spoken to slot by slot and byte by byte."""

import pytest

from lyhord_rig import World
from lyhord_rig.sensors.ds18b20 import Ds18b20, Fault, OneWireBus, crc8, rom_code

READ_ROM, MATCH, SKIP, SEARCH = 0x33, 0x55, 0xCC, 0xF0
CONVERT, READ, WRITE, COPY, RECALL, SUPPLY = 0x44, 0xBE, 0x4E, 0x48, 0xB8, 0xB4
POWER_ON = bytes.fromhex("50 05 4b 46 7f ff 0c 10 1c")


class Wire:
    def __init__(self, temperatures_dc=(215,)):
        self.world = World(seed=1, pace=None)
        self.temperatures_dc = list(temperatures_dc)
        self.devices = [
            Ds18b20(self.world, rom_code(0x1000 + 37 * n), lambda n=n: self.temperatures_dc[n])
            for n in range(len(temperatures_dc))
        ]
        self.bus = OneWireBus(self.devices)

    def command(self, *values, rom=None):
        present = self.bus.reset()
        for value in (SKIP,) if rom is None else (MATCH, *rom):
            self.bus.write_byte(value)
        for value in values:
            self.bus.write_byte(value)
        return present

    def read(self, count=9):
        return bytes(self.bus.read_byte() for _ in range(count))

    def scratchpad(self, rom=None):
        self.command(READ, rom=rom)
        return self.read()

    async def run(self, us):
        await self.world.run(until=self.world.now_us + us)

    async def measure(self, us=750_000, rom=None):
        self.command(CONVERT, rom=rom)
        await self.run(us)
        return self.scratchpad(rom)

    def search(self):
        """All ROM codes, by the search of the data sheet (application note 187)."""
        found, last = [], -1
        rom = [0] * 64
        while True:
            assert self.bus.reset()
            self.bus.write_byte(SEARCH)
            fork = -1
            for at in range(64):
                one, zero = self.bus.read_bit(), self.bus.read_bit()
                if one and zero:
                    return found
                bit = one if one != zero else 1 if at == last else 0 if at > last else rom[at]
                if one == zero and not bit:
                    fork = at
                self.bus.write_bit(bit)
                rom[at] = bit
            found.append(bytes(sum(rom[8 * n + k] << k for k in range(8)) for n in range(8)))
            last = fork
            if fork < 0:
                return found


def raw(scratchpad):
    return int.from_bytes(scratchpad[:2], "little", signed=True)


def test_crc_is_the_bus_crc():
    assert crc8(POWER_ON[:8]) == 0x1C
    assert crc8(bytes.fromhex("02 1c b8 01 00 00 00")) == 0xA2  # Maxim application note 27
    assert crc8(rom_code(12345)) == 0


def test_the_power_on_scratchpad_is_85_degrees_with_a_good_crc():
    wire = Wire()
    assert wire.command(READ)
    assert wire.read() == POWER_ON
    assert wire.read(3) == b"\xff\xff\xff"  # nothing after it


async def test_a_conversion_takes_750_milliseconds():
    wire = Wire()
    assert await wire.measure(749_999) == POWER_ON
    await wire.run(1)
    scratchpad = wire.scratchpad()
    assert (raw(scratchpad), crc8(scratchpad)) == (344, 0)  # 21.5 °C
    assert wire.devices[0].conversions == 1


async def test_the_value_is_that_of_the_moment_of_the_command():
    wire = Wire()
    wire.command(CONVERT)
    wire.temperatures_dc[0] = 900
    await wire.run(750_000)
    assert raw(wire.scratchpad()) == 344


async def test_read_slots_show_when_the_conversion_is_over():
    wire = Wire()
    wire.command(CONVERT)
    assert wire.bus.read_bit() == 0
    await wire.run(750_000)
    assert wire.bus.read_bit() == 1


@pytest.mark.parametrize(
    ("temperature_dc", "expected"),
    [
        (1250, 0x07D0),
        (850, 0x0550),
        (251, 0x0192),
        (5, 0x0008),
        (0, 0),
        (-5, 0xFFF8),
        (-101, 0xFF5E),
        (-550, 0xFC90),
    ],
)
async def test_temperatures_of_the_data_sheet(temperature_dc, expected):
    scratchpad = await Wire([temperature_dc]).measure()
    assert scratchpad[0] | scratchpad[1] << 8 == expected


async def test_a_true_85_degrees_differs_in_byte_6():
    scratchpad = await Wire([850]).measure()
    assert raw(scratchpad) == raw(POWER_ON)
    assert (scratchpad[6], POWER_ON[6]) == (0x10, 0x0C)


@pytest.mark.parametrize(
    ("bits", "us", "step"), [(9, 93_750, 8), (10, 187_500, 4), (11, 375_000, 2), (12, 750_000, 1)]
)
async def test_resolution_sets_step_and_time(bits, us, step):
    wire = Wire([253])  # raw 405
    wire.command(WRITE, 0x4B, 0x46, (bits - 9) << 5 | 0x1F)
    assert await wire.measure(us - 1) == wire.scratchpad()
    assert raw(wire.scratchpad()) == raw(POWER_ON)
    await wire.run(1)
    assert raw(wire.scratchpad()) == 405 // step * step


def test_settings_are_kept_over_a_power_cycle_only_after_a_copy():
    wire = Wire()
    wire.command(WRITE, 1, 2, 0x3F)
    assert wire.scratchpad()[2:5] == bytes((1, 2, 0x3F))
    wire.bus.power(False)
    assert not wire.bus.reset()
    wire.bus.power(True)
    assert wire.scratchpad() == POWER_ON
    wire.command(WRITE, 1, 2, 0x3F)
    wire.command(COPY)
    wire.bus.power(False)
    wire.bus.power(True)
    assert wire.scratchpad()[2:5] == bytes((1, 2, 0x3F))
    wire.command(WRITE, 9, 9, 0x7F)
    wire.command(RECALL)
    assert wire.scratchpad()[2:5] == bytes((1, 2, 0x3F))


async def test_power_lost_in_a_conversion_is_85_degrees():
    wire = Wire()
    wire.command(CONVERT)
    await wire.run(300_000)
    wire.bus.power(False)
    wire.bus.power(True)
    await wire.run(750_000)
    assert wire.scratchpad() == POWER_ON


def test_one_device_tells_its_rom():
    wire = Wire()
    wire.bus.reset()
    wire.bus.write_byte(READ_ROM)
    assert wire.read(8) == wire.devices[0].rom


async def test_match_speaks_to_one_of_several():
    wire = Wire([100, 200, 300])
    wire.command(CONVERT)  # all of them
    await wire.run(750_000)
    assert [raw(wire.scratchpad(device.rom)) for device in wire.devices] == [160, 320, 480]
    wire.command(READ, rom=rom_code(1))
    assert wire.read() == b"\xff" * 9


@pytest.mark.parametrize("count", [1, 2, 7])
def test_search_finds_everybody(count):
    wire = Wire([0] * count)
    assert sorted(wire.search()) == sorted(device.rom for device in wire.devices)


def test_search_leaves_the_last_found_selected():
    wire = Wire()
    wire.search()
    wire.bus.write_byte(READ)
    assert wire.read() == POWER_ON


def test_nobody_speaks_without_a_reset_or_after_an_unknown_command():
    wire = Wire()
    wire.bus.write_byte(SKIP)
    wire.bus.write_byte(READ)
    assert wire.read() == b"\xff" * 9
    wire.command(0x99)
    assert wire.read() == b"\xff" * 9
    wire.command(SUPPLY)
    assert wire.bus.read_bit() == 1


async def test_failures():
    wire = Wire()
    (device,) = wire.devices
    device.fault = Fault.ABSENT
    assert not wire.command(READ)
    assert wire.read() == b"\xff" * 9
    device.fault = Fault.SHORTED
    assert wire.command(READ)  # a low wire looks like presence
    assert wire.read() == bytes(9)  # and its zeros have a good CRC
    device.fault = Fault.CORRUPT
    assert crc8(await wire.measure()) != 0
    device.fault = Fault.FAILED
    scratchpad = await wire.measure()
    assert (raw(scratchpad), crc8(scratchpad)) == (0x07FF, 0)
    stuck = Wire()
    stuck.devices[0].fault = Fault.POWER_ON
    assert await stuck.measure(10_000_000) == POWER_ON


def test_a_rom_needs_its_crc():
    with pytest.raises(ValueError, match="rom"):
        Ds18b20(World(seed=1), bytes(7) + b"\x01", lambda: 0)
