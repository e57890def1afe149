"""The emulated SX1276's refusals, and its registers, FIFO, power and supply."""

import pytest

from lyhord_rig.radio.sx1276 import Fault
from tests.rig.radio.sx1276.host import (
    SLEEP,
    STANDBY,
    TX,
)


def test_registers_after_reset(pair):
    expected = {0x01: 0x09, 0x06: 0x6C, 0x07: 0x80, 0x09: 0x4F, 0x0B: 0x2B, 0x42: 0x12, 0x4D: 0x84}
    assert {address: pair.a.read(address) for address in expected} == expected
    pair.a.start()
    pair.a.write(0x0E, 0x80)
    assert pair.a.read(0x39) == 0x34
    assert pair.violations == []


def test_a_burst_walks_through_the_registers(pair):
    pair.a.start()
    assert pair.a.read(0x06, 3) == bytes.fromhex("d90666")
    assert pair.a.read(0x1D, 2) == bytes.fromhex("7274")


def test_nothing_answers_unless_it_is_selected(pair):
    assert pair.a.chip.transfer(b"\x42\x00") == b"\xff\xff"
    pair.a.chip.select()
    assert pair.a.chip.transfer(b"\x42") + pair.a.chip.transfer(b"\x00") == b"\x00\x12"


async def test_half_inverted_iq_is_a_violation(pair):
    pair.a.start().invert(0x26, 0x1D)
    pair.a.send(b"up")
    pair.b.start().invert(0x67, 0x1D)
    pair.b.listen()
    assert ["InvertIQ" in violation for violation in pair.violations] == [True, True]


def test_long_range_mode_changes_only_in_sleep(pair):
    pair.a.write(0x01, 0x80 | STANDBY)  # from FSK standby
    assert pair.a.read(0x01) == STANDBY
    assert "LongRangeMode changed in STANDBY" in pair.violations[0]
    pair.a.write(0x01, SLEEP)
    pair.a.mode(SLEEP)
    assert pair.a.read(0x01) == 0x80
    pair.a.mode(STANDBY)
    pair.a.write(0x01, STANDBY)
    assert pair.a.read(0x01) == 0x80 | STANDBY
    assert len(pair.violations) == 2


@pytest.mark.parametrize(
    ("writes", "reads"),
    [
        ((0x80,), 0x80),  # RadioHead, out of FSK standby after a reset
        ((0x00, 0x80), 0x80),
        ((0x08, 0x88), 0x80),  # LMIC
        ((0x88,), 0x80),
        ((0x08,), 0x08),
        ((0x80, 0x81), 0x81),
        ((0x80, 0x81, 0x00), 0x00),
        ((0x80, 0x00, 0x01), 0x01),
    ],
)
def test_ways_into_lora_sleep_that_drivers_take(pair, writes, reads):
    for value in writes:
        pair.a.write(0x01, value)
    assert pair.a.read(0x01) == reads
    assert pair.violations == []


@pytest.mark.parametrize("writes", [(0x81,), (0x83,), (0x85,), (0x80, 0x81, 0x01), (0x80, 0x81, 0x05)])
def test_other_ways_change_no_modem(pair, writes):
    for value in writes:
        pair.a.write(0x01, value)
    assert pair.a.read(0x01) & 0x80 == (0x80 if writes[0] == 0x80 else 0)
    assert "LongRangeMode changed" in pair.violations[0]


def test_lora_registers_are_not_there_in_fsk_mode(pair):
    pair.a.write(0x39, 0x34)
    assert pair.a.read(0x39) == 0
    pair.a.start()
    pair.a.mode(SLEEP)
    pair.a.write(0x01, SLEEP)
    pair.a.read(0x1D)
    assert len(pair.violations) == 3


async def test_image_calibration_runs_for_ten_milliseconds_in_fsk_standby(pair):
    assert pair.a.read(0x3B) == 0x82
    pair.a.write(0x3B, 0xC2)
    assert pair.a.read(0x3B) == 0xA2
    await pair.run(10_000)
    assert pair.a.read(0x3B) == 0x82
    assert pair.violations == []
    pair.a.write(0x01, SLEEP)
    pair.a.write(0x3B, 0xC2)
    assert "calibration in SLEEP" in pair.violations[0]


def test_the_fifo_is_closed_and_lost_in_sleep(pair):
    pair.a.start().load(b"data")
    pair.a.mode(SLEEP)
    pair.a.write(0x00, 0x55)
    assert pair.a.read(0x00, 2) == b"\x00\x00"
    assert len(pair.violations) == 3
    pair.a.mode(STANDBY)
    pair.a.write(0x0D, 0)
    assert pair.a.read(0x00, 4) == bytes(4)
    pair.a.mode(TX)
    assert "not written to the FIFO" in pair.violations[-1]


async def test_the_read_pointer_must_be_set(pair):
    pair.a.start()
    pair.b.start()
    pair.b.write(0x0D, 0x40)
    pair.b.listen()
    pair.a.send(b"frame")
    await pair.run(100_000)
    assert pair.b.read(0x00, 5) == bytes(5)
    assert "without FifoAddrPtr" in pair.violations[0]


async def test_an_empty_frame_is_not_sent(pair):
    pair.a.start().write(0x22, 0)
    pair.a.mode(TX)
    await pair.run(100_000)
    assert (pair.sent, pair.a.read(0x01)) == ([], 0x80 | STANDBY)
    assert "PayloadLength 0" in pair.violations[0]


async def test_what_is_written_while_sending_waits_for_the_next_frame(pair):
    pair.a.start().send(b"one")
    pair.a.write(0x1E, 0x94)
    assert "register 0x1e written in TX" in pair.violations[0]
    await pair.run(100_000)
    pair.a.send(b"two")
    assert [sent.modulation.sf for sent in pair.sent] == [7, 9]


def test_reserved_and_read_only_registers(pair):
    pair.a.start()
    pair.a.write(0x28, 1)
    pair.a.write(0x42, 1)
    assert pair.a.read(0x42) == 0x12
    assert [text.split(": ")[1] for text in pair.violations] == [
        "reserved register 0x28 written",
        "read-only register 0x42 written",
    ]


@pytest.mark.parametrize(
    ("address", "value", "what"),
    [
        (0x1D, 0x62, "bandwidth code 6"),
        (0x1D, 0x73, "implicit header"),
        (0x1D, 0x70, "coding rate 4/4"),
        (0x1E, 0x64, "spreading factor 6"),
        (0x21, 5, "preamble of 5"),
    ],
)
async def test_registers_that_send_nothing_that_we_know(pair, address, value, what):
    pair.a.start().write(address, value)
    pair.a.send(b"x")
    await pair.run(1_000_000)
    assert pair.sent == []
    assert what in pair.violations[0]


@pytest.mark.parametrize(
    ("pa_config", "pa_dac", "ocp", "dbm", "rule"),
    [
        (0x80, 0x84, 0x2B, 2, None),
        (0x8C, 0x84, 0x2B, 14, None),
        (0xFF, 0x84, 0x2B, 17, None),
        (0xFF, 0x87, 0x31, 20, None),
        (0xFD, 0x87, 0x31, 18, None),
        (0xFF, 0x87, 0x2B, 17, "over-current"),
        (0x8C, 0x85, 0x2B, 14, "PaDac 0x85"),
        (0x7E, 0x84, 0x2B, -26, "RFO"),
    ],
)
async def test_power(pair, pa_config, pa_dac, ocp, dbm, rule):
    pair.a.start(boost=pa_config)
    pair.a.write(0x4D, pa_dac)
    pair.a.write(0x0B, ocp)
    pair.a.send(b"x")
    assert pair.sent[0].power_dbm == pytest.approx(dbm)
    assert (rule is None) == (pair.violations == [])
    assert rule is None or rule in pair.violations[0]


async def test_reset_needs_its_time(pair):
    pair.a.start().send(bytes(50))
    pair.a.chip.reset(0)
    assert pair.a.read(0x42) == 0
    await pair.run(100)
    pair.a.chip.reset(1)
    await pair.run(4_999)
    assert len(pair.violations) == 1
    assert pair.a.read(0x42) == 0x12
    assert "within 5 ms" in pair.violations[1]
    await pair.run(1)
    assert pair.a.read(0x01) == 0x09
    assert len(pair.violations) == 2
    pair.a.chip.reset(0)
    await pair.run(99)
    pair.a.chip.reset(1)
    assert "low for 99 us" in pair.violations[2]
    assert pair.ether.cut == 1


async def test_without_power_there_is_no_chip(pair):
    pair.a.start().send(bytes(50))
    pair.a.chip.power(False)
    assert pair.a.read(0x42) == 0
    assert pair.ether.cut == 1
    pair.a.chip.power(True)
    assert (pair.a.read(0x42), pair.a.read(0x01)) == (0x12, 0x09)


def test_an_absent_chip(pair):
    for fault, level in ((Fault.FLOATING, 0xFF), (Fault.GROUNDED, 0x00)):
        pair.a.chip.fault = fault
        assert pair.a.read(0x42) == level


async def test_a_chip_that_never_finishes_sending(pair):
    pair.a.chip.fault = Fault.STUCK_TX
    pair.a.start().send(b"x")
    await pair.run(60_000_000)
    assert (pair.a.read(0x01), pair.a.read(0x12), pair.sent) == (0x80 | TX, 0, [])


async def test_violations_are_bounded_and_all_counted(pair):
    for _ in range(300):
        pair.a.write(0x28, 0)
    assert (len(pair.a.chip.violations), pair.a.chip.violations_counted) == (256, 300)
