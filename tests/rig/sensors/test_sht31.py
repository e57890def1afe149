"""The emulated SHT31: commands, measurement times, checksums, and what it does not acknowledge."""

import pytest

from lyhord_rig import World
from lyhord_rig.sensors.sensirion import Fault, crc8
from lyhord_rig.sensors.sht31 import Sht31


class Bench:
    def __init__(self):
        self.world = World(seed=1, pace=None)
        self.temperature_dc = 215
        self.humidity_dp = 480
        self.sensor = Sht31(self.world, lambda: self.temperature_dc, lambda: self.humidity_dp)

    def command(self, command):
        return self.sensor.write(command.to_bytes(2, "big"))

    async def run(self, us):
        await self.world.run(until=self.world.now_us + us)

    async def measure(self, command=0x2400, wait_us=15_000):
        assert self.command(command)
        await self.run(wait_us)
        return self.sensor.read(6)

    async def status(self):
        await self.run(1_000)
        assert self.command(0xF32D)
        data = self.sensor.read(3)
        assert crc8(data) == 0
        return int.from_bytes(data[:2], "big")


@pytest.fixture
def bench():
    return Bench()


def decode(data):
    assert len(data) == 6
    assert crc8(data[:3]) == crc8(data[3:]) == 0
    raw_t, raw_h = int.from_bytes(data[:2], "big"), int.from_bytes(data[3:5], "big")
    return -45 + 175 * raw_t / 65_535, 100 * raw_h / 65_535


def test_the_checksum_of_the_data_sheet():
    assert crc8(b"\xbe\xef") == 0x92


@pytest.mark.parametrize(("temperature_dc", "humidity_dp"), [(215, 480), (-400, 0), (1250, 1000), (0, 555)])
async def test_temperature_and_humidity(bench, temperature_dc, humidity_dp):
    bench.temperature_dc, bench.humidity_dp = temperature_dc, humidity_dp
    temperature, humidity = decode(await bench.measure())
    assert temperature == pytest.approx(temperature_dc / 10, abs=0.01)
    assert humidity == pytest.approx(humidity_dp / 10, abs=0.01)
    assert bench.sensor.measurements == 1


@pytest.mark.parametrize(("command", "duration_us"), [(0x2400, 15_000), (0x240B, 6_000), (0x2416, 4_000)])
async def test_nothing_is_acknowledged_until_the_measurement_is_over(bench, command, duration_us):
    assert await bench.measure(command, duration_us - 1) is None
    assert not bench.sensor.write(b"")
    assert not bench.command(0x30A2)
    assert bench.sensor.stretch_us() == 0
    await bench.run(1)
    decode(bench.sensor.read(6))
    assert bench.sensor.not_acknowledged == 2  # to ask by reading is how it is meant


async def test_a_measurement_is_read_once(bench):
    decode(await bench.measure())
    assert bench.sensor.read(6) is None
    await bench.run(1_000)
    decode(await bench.measure())


async def test_a_short_read_and_a_long_one(bench):
    bench.command(0x2400)
    await bench.run(15_000)
    assert crc8(bench.sensor.read(3)) == 0
    bench.command(0x2400)
    await bench.run(15_000)
    assert bench.sensor.read(8)[6:] == b"\xff\xff"


@pytest.mark.parametrize(("command", "duration_us"), [(0x2C06, 15_000), (0x2C0D, 6_000), (0x2C10, 4_000)])
async def test_a_stretching_measurement_holds_the_clock(bench, command, duration_us):
    assert bench.command(command)
    await bench.run(1_000)
    assert bench.sensor.stretch_us() == duration_us - 1_000
    await bench.run(duration_us - 1_000)
    assert bench.sensor.stretch_us() == 0
    decode(bench.sensor.read(6))


@pytest.mark.parametrize(("gap_us", "taken"), [(999, False), (1_000, True)])
async def test_commands_come_a_millisecond_apart(bench, gap_us, taken):
    assert bench.command(0x3041)
    await bench.run(gap_us)
    assert bench.command(0x2400) == taken


@pytest.mark.parametrize(("wait_us", "there"), [(1_499, False), (1_500, True)])
async def test_soft_reset_and_power_up_take_a_moment(bench, wait_us, there):
    bench.command(0x306D)
    await bench.run(1_000)
    bench.command(0x30A2)
    await bench.run(wait_us)
    assert bench.sensor.write(b"") == there
    await bench.run(10_000)
    assert await bench.status() == 0x8010
    bench.sensor.power(False)
    assert not bench.sensor.write(b"")
    bench.sensor.power(True)
    await bench.run(wait_us)
    assert bench.sensor.write(b"") == there


async def test_the_status(bench):
    assert await bench.status() == 0x8010  # alert pending, reset detected
    await bench.run(1_000)
    bench.command(0x3041)
    assert await bench.status() == 0
    await bench.run(1_000)
    bench.command(0x306D)
    assert await bench.status() == 0x2000
    await bench.run(1_000)
    bench.command(0x3066)
    await bench.run(1_000)
    assert bench.command(0x1234)  # acknowledged, but not executed
    assert bench.sensor.read(6) is None
    assert await bench.status() == 0x0002
    await bench.run(1_000)
    bench.command(0x3066)
    assert await bench.status() == 0


async def test_failures(bench):
    bench.sensor.fault = Fault.ABSENT
    assert not bench.command(0x2400)
    assert bench.sensor.read(6) is None
    bench.sensor.fault = Fault.STUCK
    assert bench.sensor.holds_bus
    bench.sensor.fault = Fault.CORRUPT
    for _ in range(12):
        await bench.run(1_000)
        data = await bench.measure()
        assert crc8(data[:3]) or crc8(data[3:])
    bench.sensor.fault = Fault.SILENT
    await bench.run(1_000)
    assert await bench.measure(wait_us=10_000_000) is None
    bench.sensor.fault = None
    assert not bench.sensor.holds_bus
    decode(bench.sensor.read(6))
