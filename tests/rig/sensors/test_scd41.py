"""The emulated SCD41: what it acknowledges and when, and what a first shot is worth."""

import pytest

from lyhord_rig import World
from lyhord_rig.sensors.scd41 import Scd41
from lyhord_rig.sensors.sensirion import Fault, crc8

SHOT, READ, SLEEP, WAKE = b"\x21\x9d", b"\xec\x05", b"\x36\xe0", b"\x36\xf6"


class Bench:
    def __init__(self):
        self.world = World(seed=1, pace=None)
        self.sensor = Scd41(self.world, lambda: 612, lambda: 215, lambda: 480)

    async def run(self, us):
        await self.world.run(until=self.world.now_us + us)

    async def shoot(self):
        assert self.sensor.write(SHOT)
        await self.run(5_000_000)
        assert self.sensor.write(READ)
        await self.run(1_000)
        return self.sensor.read(9)


@pytest.fixture
def bench():
    return Bench()


async def test_the_first_shot_is_not_to_be_believed(bench):
    first, second = await bench.shoot(), await bench.shoot()
    assert int.from_bytes(first[:2], "big") != 612
    assert int.from_bytes(second[:2], "big") == 612
    assert not any(crc8(second[at : at + 3]) for at in (0, 3, 6))
    assert bench.sensor.not_acknowledged == 0


async def test_nothing_is_acknowledged_while_it_measures(bench):
    assert bench.sensor.write(SHOT)
    await bench.run(4_999_999)
    assert not bench.sensor.write(READ) and not bench.sensor.write(SLEEP) and not bench.sensor.write(b"")
    await bench.run(1)
    assert bench.sensor.write(READ)
    assert bench.sensor.read(9) is None  # 1 ms too early
    assert bench.sensor.not_acknowledged == 4


async def test_a_measurement_is_read_once(bench):
    await bench.shoot()
    assert not bench.sensor.write(READ)


async def test_asleep_it_hears_only_to_be_woken_which_it_never_acknowledges(bench):
    assert bench.sensor.write(SLEEP)
    assert not bench.sensor.write(SHOT)
    assert not bench.sensor.write(WAKE)
    await bench.run(29_999)
    assert not bench.sensor.write(b"")
    await bench.run(1)
    assert bench.sensor.write(b"")


async def test_power_up_takes_a_moment(bench):
    bench.sensor.power(False)
    assert not bench.sensor.write(b"")
    bench.sensor.power(True)
    await bench.run(29_999)
    assert not bench.sensor.write(b"")
    await bench.run(1)
    assert bench.sensor.write(b"")


async def test_what_is_not_modelled_is_not_acknowledged(bench):
    assert not bench.sensor.write(b"\x21\xb1")


async def test_failures(bench):
    await bench.shoot()
    bench.sensor.fault = Fault.CORRUPT
    data = await bench.shoot()
    assert any(crc8(data[at : at + 3]) for at in (0, 3, 6))
    bench.sensor.is_dark = True
    data = await bench.shoot()
    assert data[:3] == b"\0\0" + bytes([crc8(b"\0\0")])
    bench.sensor.fault = Fault.STUCK
    assert bench.sensor.holds_bus and not bench.sensor.write(SHOT)
    bench.sensor.fault = Fault.ABSENT
    assert not bench.sensor.write(SHOT) and bench.sensor.read(9) is None
    bench.sensor.fault = Fault.SILENT
    assert bench.sensor.write(SHOT)
    await bench.run(60_000_000)
    assert not bench.sensor.write(READ)
