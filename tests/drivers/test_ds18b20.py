"""The DS18B20 driver on emulated parts of every family: what was converted is a number, nothing else is."""

import pytest

import drivers.ds18b20 as driver
from drivers.ds18b20 import ABSENT, BUSY, CRC, FAILED, NOT_MEASURED, Ds18b20, conversion_ms
from lyhord_rig.sensors import ds18b20 as part
from lyhord_rig.sensors.ds18b20 import Family, Fault
from tests.drivers.emulated import PERIOD, OneWire, WorldTime, new_world

FAMILIES = [pytest.param(family, id=family.name) for family in Family]
CONVERT, WRITE = 0x44, 0x4E


class Bench:
    def __init__(self, family=Family.GENUINE, true_dc=215, start_us=0):
        self.world = new_world()
        self.true_dc = true_dc
        self.time = WorldTime(self.world, start_us).install(driver)
        self.part = part.Ds18b20(self.world, part.rom_code(7), lambda: self.true_dc, family)
        self.bus = OneWire(self.world, part.OneWireBus([self.part]))
        self.sensor = Ds18b20(self.bus)

    def sample(self, bits=11, off_us=60_000_000):
        """One sample as the node takes it: power, settings, conversion, reading, no power."""
        self.part.power(True)
        self.world.advance(50_000)
        value = None
        if self.sensor.set_resolution(bits) and self.sensor.start():
            value = self.sensor.read_dc()
        self.part.power(False)
        self.world.advance(off_us)
        return value


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("bits", [9, 10, 11, 12])
@pytest.mark.parametrize("true_dc", [-550, -101, 0, 5, 215, 250, 700, 840, 850, 860, 1250])
def test_every_family_is_read(family, bits, true_dc):
    bench = Bench(family, true_dc)
    for _ in range(3):
        value = bench.sample(bits)
        assert value is not None and abs(value - true_dc) <= 6, (value, bench.sensor.fault)
        assert bench.sensor.fault is None


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("true_dc", [215, 250, 850])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_one_lost_convert_is_one_null(family, true_dc, before):
    """Also where the last sample was right, and where the truth is what the part would feign."""
    bench = Bench(family, true_dc)
    for _ in range(before):
        assert bench.sample() is not None
    bench.part.lose = {CONVERT: 1}
    assert bench.sample() is None and bench.sensor.fault == NOT_MEASURED
    assert abs(bench.sample() - true_dc) <= 1 and bench.sensor.fault is None


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (Fault.ABSENT, ABSENT),
        (Fault.SHORTED, CRC),
        (Fault.CORRUPT, CRC),
        (Fault.POWER_ON, BUSY),
        (Fault.FAILED, FAILED),
        (Fault.DEAF, NOT_MEASURED),
        (Fault.SAGS, NOT_MEASURED),
    ],
)
def test_faults_are_null_for_ever(family, fault, reason):
    bench = Bench(family)
    assert bench.sample() is not None
    bench.part.fault = fault
    for _ in range(5):
        began_us = bench.world.now_us
        assert bench.sample(off_us=0) is None and bench.sensor.fault == reason
        assert bench.world.now_us - began_us < 1_200_000


@pytest.mark.parametrize("family", FAMILIES)
def test_without_a_power_cycle_the_last_number_does_not_count_either(family):
    bench = Bench(family)
    assert bench.sensor.set_resolution(12) and bench.sensor.start() and bench.sensor.read_dc() == 215
    for _ in range(3):
        bench.part.lose = {CONVERT: 1}
        assert bench.sensor.start() and bench.sensor.read_dc() is None
        assert bench.sensor.fault == NOT_MEASURED
    assert bench.sensor.start() and bench.sensor.read_dc() == 215
    assert bench.sensor.read_dc() is None and bench.sensor.fault == NOT_MEASURED


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("true_dc", [215, 850])
def test_settings_that_are_lost_on_the_way_cost_nothing(family, true_dc):
    bench = Bench(family, true_dc)
    bench.part.lose = {WRITE: 1}
    assert abs(bench.sample() - true_dc) <= 1
    assert bench.part.lose == {WRITE: 0}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("sets", [True, False])
def test_a_reset_on_the_way_is_seen_with_and_without_a_resolution(family, sets):
    bench = Bench(family)
    bench.part.fault = Fault.SAGS
    for _ in range(3):
        if sets:
            bench.sensor.set_resolution(11)
        assert bench.sensor.start() and bench.sensor.read_dc() is None
        assert bench.sensor.fault == NOT_MEASURED


@pytest.mark.parametrize("family", FAMILIES)
def test_it_waits_as_long_as_the_part_needs_and_no_longer(family):
    bench = Bench(family)
    bench.sensor.set_resolution(11)
    began_us = bench.world.now_us
    bench.sensor.start()
    assert bench.sensor.read_dc() == 215
    make = family.value
    needs_us = make.conversion_us >> (0 if make.ignores_bits else 1)
    assert needs_us <= bench.world.now_us - began_us <= needs_us + 50_000


def test_a_fire_through_the_power_on_values():
    """Every temperature on the way up is read as it is, whatever the part feigns."""
    for family in (Family.B1, Family.D2, Family.E):
        bench = Bench(family)
        for true_dc in range(240, 1250, 5):
            bench.true_dc = true_dc
            value = bench.sample(off_us=0)
            assert value is not None and abs(value - true_dc) <= 1


def test_a_disturbance_of_either_reading_is_seen():
    bench = Bench(true_dc=213)
    for at in range(9):
        for bit in range(8):
            for first in (True, False):
                bench.sensor.start()
                bench.bus.flips = [0] * (at if first else 9 + at) + [1 << bit]
                assert bench.sensor.read_dc() is None and bench.sensor.fault == CRC


def test_a_disturbance_with_a_right_crc_is_seen():
    bench = Bench()
    bench.sensor.start()
    bench.world.advance(800_000)
    true = bench.part.scratchpad
    feigned = bytes([true[0] ^ 0x40, *true[1:8]])
    feigned += bytes([part.crc8(feigned)])
    bench.bus.flips = [right ^ wrong for right, wrong in zip(true, feigned, strict=True)]
    assert bench.sensor.read_dc() is None and bench.sensor.fault == CRC


def test_a_slot_that_is_low_by_a_disturbance_proves_nothing():
    bench = Bench(Family.E)
    bench.part.lose = {CONVERT: 1}
    true_bit, slots = bench.bus.readbit, [0]
    bench.bus.readbit = lambda: slots.pop(0) if slots else true_bit()
    assert bench.sensor.start() and bench.sensor.read_dc() is None
    assert bench.sensor.fault == NOT_MEASURED


@pytest.mark.parametrize("family", FAMILIES)
def test_a_part_whose_slots_say_nothing_is_believed_when_its_number_is_new(family):
    bench = Bench(family)
    bench.bus.readbit = lambda: 1
    assert bench.sensor.start() and bench.sensor.read_dc() == 215
    assert bench.sensor.start() and bench.sensor.read_dc() is None  # the same: nobody knows
    bench.true_dc = 300
    assert bench.sensor.start() and bench.sensor.read_dc() == 300


def test_the_wrap_of_ticks_is_no_end():
    bench = Bench(Family.D2, start_us=PERIOD * 1000 - 300_000)
    assert abs(bench.sample() - 215) <= 1
    bench = Bench(start_us=PERIOD * 1000 - 300_000)
    bench.part.fault = Fault.POWER_ON
    assert bench.sample() is None and bench.sensor.fault == BUSY


def test_numbers_are_rounded_to_the_nearest_tenth():
    bench = Bench()
    for raw in range(-880, 2001):
        bench.sensor.start()
        bench.part._next_raw = raw
        value = bench.sensor.read_dc()
        if raw == 0x07FF:
            assert value is None and bench.sensor.fault == FAILED
        else:
            assert abs(value * 16 - raw * 10) <= 8, raw


def test_resolution():
    bench = Bench(true_dc=254)
    for bits, true_dc in ((9, 250), (10, 253), (11, 254), (12, 254)):
        assert abs(bench.sample(bits) - true_dc) <= 1
    for bits in (8, 13):
        with pytest.raises(ValueError, match="bits"):
            bench.sensor.set_resolution(bits)
    assert [conversion_ms(bits) for bits in range(9, 13)] == [94, 188, 375, 750]


def test_the_emulated_families_begin_as_the_survey_says():
    begin = {
        Family.GENUINE: "50054b467fff0c101c",
        Family.B1: "50054b467fff0c101c",
        Family.B2: "50054b467fff0c101c",
        Family.C: "500555007fff0c1021",
        Family.D1: "900155057f7e8166",  # its example's CRC is not of these bytes
        Family.D2: "900155057f7e8166",
        Family.E: "5005ffff7fffffff",
    }
    for family, pad in begin.items():
        assert Bench(family).part.scratchpad.hex().startswith(pad), family
