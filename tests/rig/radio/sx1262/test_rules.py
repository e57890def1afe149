"""The emulated SX1262's refusals, and its pins: BUSY, reset, supply, sleep, order."""

import pytest

from lyhord_rig.radio.sx1262 import Fault
from lyhord_rig.radio.sx1262_tables import Mode
from tests.rig.radio.sx1262.host import ALL, TX_DONE, XOSC_START


async def test_after_reset(a):
    assert await a.status() == (2, 1)
    assert await a.read(0x0740, 2) == b"\x14\x24"
    assert await a.read(0x08E7) == b"\x18"
    assert (await a.read(0x0320, 16)).startswith(b"SX1261 V2D")
    assert (await a.do(0x11, 0, 0))[2] == 0  # GFSK
    assert await a.irq() == 0
    assert await a.errors() == XOSC_START  # a TCXO, and nobody told it
    assert a.chip.violations == []


def test_nothing_answers_unless_it_is_selected(a):
    assert a.chip.transfer(b"\xc0\x00") == b"\xff\xff"
    a.chip.select()
    assert a.chip.transfer(b"\xc0") + a.chip.transfer(b"\x00") == b"\x00\x22"


# -- BUSY --------------------------------------------------------------------------------------------


async def test_busy_rises_with_nss_behind_every_command(a):
    a.chip.select()
    a.chip.transfer(b"\x80\x00")
    assert a.busy.level == 0
    a.chip.deselect()
    assert a.busy.level == 1
    assert await a.ready() == 20
    a.raw(0xC0, 0)
    assert a.busy.level == 1
    assert await a.ready() == 4


async def test_a_command_while_busy_is_lost_and_noticed(pair, a):
    await a.start()
    a.raw(0x8A, 0)
    assert a.raw(0x0D, 0x07, 0x40, 0x55, 0x55) == bytes(5)
    assert pair.violations == ["command 0x0d while BUSY"]
    await a.ready()
    assert await a.read(0x0740, 2) == b"\x34\x44"
    assert len(pair.violations) == 1


async def test_a_transfer_that_waits_for_busy_with_nss_low_is_fine(pair, a):
    a.raw(0x80, 0)
    a.chip.select()
    await a.ready()
    assert a.chip.transfer(b"\xc0\x00")[1] == 0x22
    a.chip.deselect()
    assert pair.violations == []


async def test_violations_are_counted_beyond_those_kept(a):
    a.raw(0x80, 0)
    for _ in range(300):
        a.raw(0x80, 0)
    assert (a.chip.violations_counted, len(a.chip.violations)) == (300, 256)


async def test_busy_stuck(pair, a):
    a.chip.fault = Fault.BUSY_STUCK
    assert a.busy.level == 1
    a.chip.reset(0)
    await pair.run(100)
    a.chip.reset(1)
    await pair.run(1_000_000)
    assert a.busy.level == 1
    a.raw(0x80, 0)
    assert pair.violations == ["command 0x80 while BUSY"]
    a.chip.fault = None
    assert a.busy.level == 0


@pytest.mark.parametrize(("fault", "value"), [(Fault.FLOATING, 0xFF), (Fault.GROUNDED, 0)])
async def test_an_absent_chip(pair, a, fault, value):
    a.chip.fault = fault
    assert a.raw(0x1D, 7, 0x40, 0, 0, 0) == bytes([value]) * 6
    assert a.busy.level == 0
    assert pair.violations == []


@pytest.mark.parametrize("zeros", [1, 2, 3, 6])
async def test_zeros_are_no_command(pair, a, zeros):
    """One is a NOP, by which drivers wake the chip or look for it; six more would reset statistics."""
    await a.start()
    before = await a.status()
    answer = await a.do(*bytes(zeros))
    assert await a.status() == before == (2, 1)
    assert all(value >> 1 & 7 == 1 for value in answer[1:])
    assert pair.violations == []


async def test_a_nop_wakes_and_is_lost(pair, a):
    await a.start()
    a.raw(0x84, 4)
    await pair.run(1_000)
    a.raw(0x00)
    await a.ready()
    assert (a.chip.mode, a.chip.wakes) == (Mode.STANDBY_RC, 1)
    assert pair.violations == []


async def test_seven_zeros_reset_the_statistics(pair, a):
    await a.start()
    a.chip._stats = [1, 2, 3]
    await a.do(*bytes(7))
    assert (await a.do(0x10, *bytes(7)))[2:] == bytes(6)
    assert pair.violations == []


# -- reset and supply --------------------------------------------------------------------------------


@pytest.mark.parametrize(("low_us", "violations"), [(100, 0), (99, 1)])
async def test_reset_must_be_low_for_100_us_and_busy_tells_when_it_is_over(pair, a, low_us, violations):
    await a.start()
    a.chip.reset(0)
    assert a.busy.level == 1
    await pair.run(low_us)
    a.chip.reset(1)
    assert await a.ready() == 3_500
    assert len(pair.violations) == violations
    assert await a.read(0x0740, 2) == b"\x14\x24"
    assert await a.errors() == XOSC_START


async def test_access_during_and_too_soon_after_reset(pair, a):
    a.chip.reset(0)
    a.raw(0xC0, 0)
    await pair.run(200)
    a.chip.reset(1)
    a.raw(0xC0, 0)
    assert pair.violations == ["access during reset", "command 0xc0 while BUSY"]


async def test_power_off_ends_everything(pair, a):
    await a.start()
    await a.send(bytes(20))
    await pair.run(1_000)
    a.chip.power(False)
    assert (a.busy.level, pair.ether.cut) == (0, 1)
    assert a.raw(0xC0, 0) == b"\x00\x00"
    a.chip.power(True)
    assert await a.ready() == 3_500
    assert (await a.do(0x11, 0, 0))[2] == 0
    assert pair.violations == []


# -- sleep -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("config", "wake_us", "kept"), [(0x04, 340, True), (0x00, 3_500, False)])
async def test_sleep_and_wake(pair, a, config, wake_us, kept):
    await a.start()
    await a.do(0x0E, 0, 1, 2, 3)
    a.raw(0x84, config)
    assert (a.busy.level, a.chip.mode) == (1, Mode.SLEEP)
    await pair.run(10_000_000)
    assert a.busy.level == 1
    a.raw(0xC0, 0)
    assert await a.ready() == wake_us
    assert (a.chip.mode, a.chip.wakes) == (Mode.STANDBY_RC, 1)
    assert ((await a.do(0x11, 0, 0))[2] == 1) == kept
    assert (await a.read(0x0740) == b"\x34") == kept
    assert (await a.read(0x08D8) == b"\xde") == kept
    assert (await a.do(0x1E, 0, 0, 0, 0, 0))[3:] == bytes(3)  # the buffer is never kept
    assert await a.errors() == (0 if kept else XOSC_START)
    assert pair.violations == []


@pytest.mark.parametrize(("after_us", "violations"), [(500, 0), (499, 1)])
async def test_the_chip_needs_500_us_to_fall_asleep(pair, a, after_us, violations):
    await a.start()
    a.raw(0x84, 4)
    await pair.run(after_us)
    a.raw(0xC0, 0)
    await a.ready()
    assert len(pair.violations) == violations


async def test_the_transfer_that_wakes_is_lost(pair, a):
    await a.start()
    a.raw(0x84, 4)
    await pair.run(1_000)
    a.raw(0x80, 1)
    await a.ready()
    assert a.chip.mode is Mode.STANDBY_RC
    assert pair.violations == ["command 0x80 while BUSY"]


async def test_sleep_is_only_entered_from_standby(pair, a):
    await a.start()
    await a.listen()
    await a.do(0x84, 4)
    assert (a.chip.mode, pair.violations) == (Mode.RX, ["SetSleep in RX"])


async def test_a_warm_start_forgets_gain_and_workarounds_unless_they_are_on_the_list(pair, a):
    await a.start()
    await a.write(0x08AC, 0x96)
    await a.write(0x029F, 1, 0x08, 0xAC)
    a.raw(0x84, 4)
    await pair.run(1_000)
    a.raw(0xC0, 0)
    await a.ready()
    assert (await a.read(0x08AC), await a.read(0x0889)) == (b"\x96", b"\x01")
    await a.send(b"x")
    assert pair.violations == ["0x01 in 0x0889 at 125 kHz"]


# -- order and values --------------------------------------------------------------------------------


async def test_parameters_and_buffer_are_left_alone_while_it_sends(pair, a):
    await a.start()
    await a.send(bytes(20))
    await a.do(0x86, 0x36, 0x44, 0xCC, 0xCD)
    await a.do(0x0E, 0, 1)
    await a.write(0x0740, 0x14)
    await a.do(0x83, 0, 0, 0)
    assert pair.violations == [
        "command 0x86 in TX",
        "buffer written in TX",
        "register 0x0740 written in TX",
        "SetTx in TX",
    ]


async def test_only_what_was_written_is_sent(pair, a):
    await a.start()
    await a.do(0x0E, 0, 1, 2, 3)
    await a.do(0x8C, 0, 8, 0, 4, 1, 0)
    await a.do(0x83, 0, 0, 0)
    assert pair.violations == ["TX of bytes that were not written to the buffer"]
    await a.do(0x80, 0)
    await a.do(0x8C, 0, 8, 0, 0, 1, 0)
    await a.do(0x83, 0, 0, 0)
    assert pair.violations[1:] == ["TX with a payload length of 0"]
    assert len(pair.sent) == 1


async def test_the_buffer_wraps_at_256(pair, a):
    await a.start()
    await a.do(0x8F, 250, 0)
    await a.do(0x0E, 250, *range(10))
    await a.do(0x8C, 0, 8, 0, 10, 1, 0)
    await a.do(0x83, 0, 0, 0)
    await pair.run(100_000)
    assert pair.sent[0].data == bytes(range(10))
    assert (await a.do(0x1E, 254, 0, 0, 0, 0, 0))[3:] == bytes([4, 5, 6, 7])
    assert pair.violations == []


async def test_no_interrupt_on_pins_that_do_something_else(pair, a):
    await a.start()
    await a.do(0x08, ALL >> 8, 0xFF, 0, TX_DONE, 0, TX_DONE, 0, TX_DONE)
    assert pair.violations == [
        "interrupt on DIO2, which is the RF switch",
        "interrupt on DIO3, which supplies the TCXO",
    ]
