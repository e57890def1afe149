"""The emulated A02YYUW, JSN-SR04T and MB7389 on their wires."""

import re
from itertools import pairwise

import pytest

from lyhord_rig import World
from lyhord_rig.sensors.a02yyuw import A02yyuw
from lyhord_rig.sensors.hcsr04 import NOTHING_US, HcSr04
from lyhord_rig.sensors.jsnsr04t import JsnSr04t, Mode
from lyhord_rig.sensors.mb7389 import Mb7389
from lyhord_rig.sensors.serial_ranger import BYTE_US, Fault, binary_frame


class Wire:
    """A sensor whose bytes are written down with their times."""

    def __init__(self, make, distance_mm=1000, seed=1, **options):
        self.world = World(seed=seed, pace=None)
        self.distance_mm = distance_mm
        self.sensor = make(self.world, lambda: self.distance_mm, **options)
        self.bytes = []
        self.sensor.connect(lambda data: self.bytes.append((self.world.now_us, data)))

    async def run(self, us):
        """Go on for us and give the bytes of that time."""
        start = len(self.bytes)
        await self.world.run(until=self.world.now_us + us)
        return b"".join(data for _, data in self.bytes[start:])

    @property
    def frame_times(self):
        """The times at which each frame of four bytes was whole."""
        return [us for us, _ in self.bytes[3::4]]


def values(stream, header_in_sum=True):
    """Distances of a stream of whole frames with right sums."""
    assert len(stream) % 4 == 0
    found = []
    for at in range(0, len(stream), 4):
        head, high, low, total = stream[at : at + 4]
        assert head == 0xFF
        assert total == (0xFF * header_in_sum + high + low) & 0xFF
        found.append(high << 8 | low)
    return found


def test_a_frame_from_the_data_sheet():
    assert binary_frame(1953, True) == bytes.fromhex("ff07a1a7")
    assert binary_frame(1953, False) == bytes.fromhex("ff07a1a8")


# -- A02YYUW -------------------------------------------------------------------------------------------


async def test_a02yyuw_real_time_sends_every_100_ms_at_9600_baud():
    wire = Wire(A02yyuw)
    wire.sensor.select(0)
    found = values(await wire.run(2_350_000))
    assert len(found) == 21
    assert all(abs(value - 1000) <= 2 for value in found)
    assert len(set(found)) > 1
    times = wire.frame_times
    assert {later - earlier for earlier, later in pairwise(times)} == {100_000}
    assert wire.bytes[1][0] - wire.bytes[0][0] == BYTE_US == 1_041


async def test_a02yyuw_filtered_sends_every_100_to_300_ms_and_lags():
    wire = Wire(A02yyuw)
    await wire.run(10_000_000)
    times = wire.frame_times
    assert {later - earlier for earlier, later in pairwise(times)} == {100_000, 200_000, 300_000}
    wire.distance_mm = 500
    found = values(await wire.run(3_000_000))
    assert found[0] > 900
    assert found[-1] == pytest.approx(500, abs=2)


@pytest.mark.parametrize(
    ("distance_mm", "low", "high"),
    [(4_498, 4_496, 4_500), (4_503, 0, 0), (None, 0, 0), (32, 30, 34), (27, 25, 29), (0, 0, 2)],
)
async def test_a02yyuw_range(distance_mm, low, high):
    wire = Wire(A02yyuw, distance_mm)
    wire.sensor.select(0)
    found = values(await wire.run(5_050_000))
    assert low <= min(found) <= max(found) <= high


async def test_a02yyuw_of_another_make_says_nothing_otherwise():
    wire = Wire(A02yyuw, None, nothing=0xFFFD)
    assert set(values(await wire.run(5_050_000))) == {0xFFFD}


async def test_a_data_byte_may_look_like_a_header():
    wire = Wire(A02yyuw, 255)
    wire.sensor.select(0)
    assert b"\xff\x00\xff\xfe" in await wire.run(5_050_000)


# -- JSN-SR04T -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header_in_sum", [True, False])
async def test_jsnsr04t_automatic(header_in_sum):
    wire = Wire(JsnSr04t, header_in_sum=header_in_sum)
    wire.sensor.receive(b"\x55")
    found = values(await wire.run(1_150_000), header_in_sum)
    assert len(found) == 10
    assert all(abs(value - 1000) <= 2 for value in found)


async def test_jsnsr04t_on_request_answers_each_0x55():
    wire = Wire(JsnSr04t, mode=Mode.ON_REQUEST)
    assert await wire.run(2_000_000) == b""
    wire.sensor.receive(b"\x54")
    assert await wire.run(1_000_000) == b""
    began_us = wire.world.now_us
    wire.sensor.receive(b"\x55")
    (value,) = values(await wire.run(100_000))
    assert value == pytest.approx(1000, abs=2)
    assert wire.frame_times[0] - began_us == pytest.approx(5_830 + 10_000 + 4 * BYTE_US, abs=20)
    wire.distance_mm = None
    began_us = wire.world.now_us
    wire.sensor.receive(b"\x55")
    assert values(await wire.run(100_000)) == [0]
    assert wire.frame_times[-1] - began_us == 70_000 + 4 * BYTE_US


async def test_jsnsr04t_ignores_requests_while_it_measures():
    wire = Wire(JsnSr04t, None, mode=Mode.ON_REQUEST)
    wire.sensor.receive(b"\x55")
    assert wire.sensor.ignored == 1  # it starts up
    await wire.run(200_000)
    wire.sensor.receive(b"\x55")
    await wire.run(69_999)
    wire.sensor.receive(b"\x55")
    await wire.run(1)
    wire.sensor.receive(b"\x55")
    assert len(await wire.run(200_000)) == 8
    assert wire.sensor.ignored == 2


@pytest.mark.parametrize(
    ("distance_mm", "low", "high"), [(5_997, 5_995, 5_999), (6_003, 0, 0), (50, 200, 209)]
)
async def test_jsnsr04t_range(distance_mm, low, high):
    found = values(await Wire(JsnSr04t, distance_mm).run(5_050_000))
    assert low <= min(found) <= max(found) <= high


async def test_jsnsr04t_in_pulse_mode_is_an_hcsr04_with_another_reach():
    for distance_mm, echo in ((199, False), (200, True), (6_000, True), (6_001, False)):
        world = World(seed=1, pace=None)
        sensor = HcSr04(
            world, lambda mm=distance_mm: mm, lambda: 200, strays=0, nearest_mm=200, farthest_mm=6_000
        )
        sensor.trigger(1)
        await world.run(until=10)
        sensor.trigger(0)
        assert (sensor.pulse(1, 60_000) != NOTHING_US) == echo


# -- MB7389 ----------------------------------------------------------------------------------------------


def readings(stream):
    return [int(digits) for digits in re.findall(rb"R(\d{4})\r", stream)]


async def test_mb7389_free_run():
    wire = Wire(Mb7389)
    stream = await wire.run(3_000_000)
    banner, _, rest = stream.partition(b"R0")
    assert banner.startswith(b"HRXL")
    assert b"R" in banner[1:]  # not every R begins a reading
    found = readings(b"R0" + rest)
    assert len(found) == 19
    assert all(abs(value - 1000) <= 2 for value in found)
    ends = [us for us, data in wire.bytes if data == b"\r"][4:]
    assert {later - earlier for earlier, later in pairwise(ends)} == {148_000}


@pytest.mark.parametrize(
    ("distance_mm", "reading"), [(None, 5_000), (5_003, 5_000), (9_999, 5_000), (297, 300), (0, 300)]
)
async def test_mb7389_reads_its_limits_beyond_them(distance_mm, reading):
    assert set(readings(await Wire(Mb7389, distance_mm).run(3_000_000))) == {reading}


async def test_mb7389_triggered_ranges_once_and_without_filter():
    wire = Wire(Mb7389)
    wire.sensor.trigger(0)
    await wire.run(1_000_000)
    assert await wire.run(1_000_000) == b""
    wire.distance_mm = 2_000
    began_us = wire.world.now_us
    wire.sensor.trigger(1)
    await wire.run(21)
    wire.sensor.trigger(0)
    (reading,) = readings(await wire.run(2_000_000))
    assert reading == pytest.approx(2_000, abs=2)
    assert wire.bytes[-1][0] - began_us == 20 + 140_000 + 6 * BYTE_US


@pytest.mark.parametrize(("high_us", "count"), [(19, 0), (20, 1), (146_999, 1), (147_100, 2)])
async def test_mb7389_length_of_the_trigger_pulse(high_us, count):
    wire = Wire(Mb7389)
    wire.sensor.trigger(0)
    await wire.run(1_000_000)
    wire.sensor.trigger(1)
    seen = await wire.run(high_us)
    wire.sensor.trigger(0)
    assert len(readings(seen + await wire.run(2_000_000))) == count
    assert wire.sensor.too_short == (high_us < 20)


async def test_mb7389_goes_on_when_pin_4_stays_high():
    wire = Wire(Mb7389)
    wire.sensor.trigger(0)
    await wire.run(1_000_000)
    wire.sensor.trigger(1)
    assert len(readings(await wire.run(1_480_100))) == 10


async def test_mb7389_stray_ff():
    wire = Wire(Mb7389, ff_share=0.2)
    stream = await wire.run(5_000_000)
    assert b"\xff" in stream
    assert len(readings(stream)) < len(readings(stream.replace(b"\xff", b""))) == 33


# -- all of them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [A02yyuw, JsnSr04t, Mb7389])
async def test_failures(make):
    wire = Wire(make)
    good = await wire.run(2_000_000)

    def count(stream):
        if make is Mb7389:
            return len(readings(stream))
        found = 0
        for at in range(len(stream) - 3):
            head, high, low, total = stream[at : at + 4]
            found += head == 0xFF and total == (0xFF + high + low) & 0xFF
        return found

    assert count(good) >= 5
    wire.sensor.fault = Fault.SILENT
    await wire.run(300_000)
    assert await wire.run(2_000_000) == b""
    wire.sensor.fault = Fault.CORRUPT
    bad = await wire.run(2_000_000)
    assert len(bad) > 20
    assert count(bad) == 0
    wire.sensor.fault = Fault.NOISE
    await wire.run(300_000)
    noise = await wire.run(2_000_000)
    assert len(noise) > 20
    assert noise != bad
    wire.sensor.fault = None
    await wire.run(300_000)
    assert count(await wire.run(2_000_000)) >= 5


@pytest.mark.parametrize("make", [A02yyuw, JsnSr04t, Mb7389])
async def test_the_supply_breaks_a_frame_off(make):
    wire = Wire(make)
    await wire.world.run_until(lambda: len(wire.bytes) == 2, 5)
    wire.sensor.power(False)
    assert await wire.run(2_000_000) == b""
    wire.sensor.power(True)
    assert len(await wire.run(2_000_000)) > 10


@pytest.mark.parametrize("make", [A02yyuw, JsnSr04t, Mb7389])
async def test_strays_and_seeds(make):
    async def stream(**options):
        wire = Wire(make, **options)
        return await wire.run(20_000_000)

    first = await stream(strays=0.3)
    assert first == await stream(strays=0.3)
    assert first != await stream(strays=0.3, seed=2)
    assert first != await stream(strays=0.0)
