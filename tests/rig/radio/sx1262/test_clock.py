"""The clock of the emulated SX1262: TCXO or crystal, calibration, and what it rejects of both."""

import pytest

from lyhord_rig.radio.sx1262 import Fault
from lyhord_rig.radio.sx1262_tables import Mode
from tests.rig.radio.sx1262.host import XOSC_START, Pair


async def test_without_tcxo_control_there_is_no_clock(pair, a):
    await a.start(clock=False)
    await a.do(0x07, 0, 0)
    await a.do(0x0E, 0, *bytes(255))
    for command in ((0x83, 0, 0, 0), (0x82, 0, 0, 0), (0xC1,), (0x80, 1)):
        await a.do(*command)
        assert await a.errors() == XOSC_START
        assert (await a.status())[0] == 2
        await a.do(0x07, 0, 0)
    assert pair.sent == []
    assert len(pair.violations) == 4
    await a.do(0x89, 0x7F)
    assert await a.errors() == XOSC_START


@pytest.mark.parametrize(
    ("code", "delay_us", "takes_us", "starts"),
    [
        (2, 1_000, 1_000, True),  # what a widely used driver waits for
        (2, 984, 1_000, False),
        (2, 2_000, 2_000, True),
        (2, 1_984, 2_000, False),
        (2, 5_000, 10_000, False),
        (2, 10_000, 10_000, True),
        (1, 5_000, 1_000, False),
        (3, 5_000, 1_000, True),
    ],
)
async def test_voltage_and_delay_of_the_tcxo(code, delay_us, takes_us, starts):
    pair = Pair(tcxo_start_us=takes_us)
    a = pair.a
    await a.clock(code, delay_us)
    await a.do(0x80, 1)
    assert (a.chip.mode is Mode.STANDBY_XOSC) == starts
    assert (await a.errors() == 0) == starts
    assert (pair.violations == []) == starts


async def test_a_tcxo_does_not_like_3_3_volts(pair, a):
    await a.clock(7)
    assert pair.violations == ["3300 mV for a TCXO of 1800 mV"]


async def test_the_tcxo_is_waited_for_out_of_standby_rc_only(a):
    await a.clock()
    await a.do(0x80, 1)
    assert a.busy_us == 5_031
    await a.do(0xC1)
    assert a.busy_us == 40
    await a.do(0x80, 0)
    await a.do(0xC1)
    assert a.busy_us == 5_050


async def test_a_board_with_a_crystal():
    pair = Pair(tcxo_mv=None)
    assert await pair.a.errors() == 0
    await pair.a.start(clock=False)
    await pair.a.send(b"x")
    assert pair.a.busy_us == 126
    assert pair.violations == []
    await pair.b.start()
    assert "SetDIO3AsTcxoCtrl on a board with a crystal" in pair.violations
    await pair.b.do(0xC1)
    assert (await pair.b.status())[0] == 2


async def test_a_dead_clock(pair, a):
    a.chip.fault = Fault.NO_CLOCK
    await a.start()
    await a.send(b"x")
    assert await a.errors() == XOSC_START
    assert (pair.sent, pair.violations) == ([], [])  # not the driver's fault


async def test_calibration_is_asked_for_before_sending_and_listening(pair, a):
    await a.start(clock=False)
    await a.do(0x97, 2, 0, 1, 0x40)
    await a.send(b"x")
    await pair.run(50_000)
    assert pair.violations == ["blocks 0x3f are not calibrated"]
    a.chip.violations.clear()
    await a.do(0x89, 0x7F)
    await a.send(b"x")
    await pair.run(50_000)
    assert pair.violations == []
    await a.listen()
    assert pair.violations == ["image is not calibrated for 868100000 Hz"]  # the default is 902 to 928 MHz


@pytest.mark.parametrize(("band", "violations"), [((0xD7, 0xDB), 0), ((0xD9, 0xDB), 0), ((0xDA, 0xDB), 1)])
async def test_the_image_is_calibrated_in_steps_of_4_mhz(pair, a, band, violations):
    await a.start()
    await a.do(0x98, *band)
    await a.listen()
    assert len(pair.violations) == violations


@pytest.mark.parametrize("command", [(0x89, 0x7F), (0x97, 2, 0, 1, 0x40)])
async def test_calibration_and_tcxo_control_want_standby_rc(pair, a, command):
    await a.start()
    await a.do(0x80, 1)
    await a.do(*command)
    assert len(pair.violations) == 1
    assert await a.status() == (3, 5)  # not executed
