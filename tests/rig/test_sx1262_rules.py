"""What the emulated SX1262 rejects, and its pins: BUSY, reset, sleep, clock, calibration, order."""

import pytest

from lyhord_rig.sx1262 import Fault
from lyhord_rig.sx1262_tables import Mode
from tests.rig.sx1262_host import ALL, RX_DONE, TX_DONE, XOSC_START, Pair


@pytest.fixture
def pair():
    return Pair()


@pytest.fixture
def a(pair):
    return pair.a


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


# -- clock and calibration ---------------------------------------------------------------------------


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
    ("code", "delay_us", "starts"), [(2, 1_500, True), (2, 1_484, False), (1, 5_000, False), (3, 5_000, True)]
)
async def test_voltage_and_delay_of_the_tcxo(pair, a, code, delay_us, starts):
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


# -- order and values --------------------------------------------------------------------------------


async def test_lora_parameters_want_the_packet_type_first(pair, a):
    await a.clock()
    await a.do(0x8B, 7, 4, 1, 0)
    await a.do(0x8C, 0, 8, 0, 255, 1, 0)
    await a.do(0xA0, 8)
    await a.do(0x82, 0, 0, 0)
    assert [text.split(" for ")[0] for text in pair.violations] == [
        "SetModulationParams",
        "SetPacketParams",
        "SetLoRaSymbNumTimeout",
        "packet type is not LoRa",
    ]
    assert a.chip.mode is Mode.STANDBY_RC


async def test_a_change_of_the_packet_type_loses_the_parameters(pair, a):
    await a.start()
    await a.do(0x8A, 1)
    await a.listen()
    assert a.chip.mode is Mode.RX
    await a.do(0x80, 0)
    await a.do(0x8A, 0)
    await a.do(0x8A, 1)
    await a.do(0x82, 0, 0, 0)
    assert a.chip.mode is Mode.STANDBY_RC
    assert pair.violations == ["no modulation or packet parameters since SetPacketType"]


@pytest.mark.parametrize(
    ("command", "text"),
    [
        ((0x99, 1), "unknown command 0x99"),
        ((0xD1,), "SetTxContinuousWave 0xd1"),
        ((0x8B, 7, 4, 1), "command 0x8b with 3 bytes"),
        ((0x86, 1, 2, 3, 4, 5), "command 0x86 with 5 bytes"),
        ((0x80, 2), "SetStandby 2"),
        ((0x8A, 3), "packet type 3"),
        ((0x97, 8, 0, 0, 0), "TCXO voltage code 8"),
        ((0x98, 0xDB, 0xD7), "CalibrateImage dbd7"),
        ((0x93, 0x10), "fallback mode 0x10"),
        ((0x0D, 0x12, 0x34, 1), "unknown register 0x1234 written"),
        ((0x0D, 0x03, 0x20, 1), "read-only register 0x0320 written"),
    ],
)
async def test_a_bad_command_is_rejected(pair, a, command, text):
    await a.ready()
    a.raw(*command)
    assert pair.violations == [text]
    assert await a.status() == (2, 4)


@pytest.mark.parametrize(
    ("modulation", "text"),
    [
        ((5, 4, 1, 0), "spreading factor 5"),
        ((7, 3, 1, 0), "bandwidth code 3"),
        ((7, 4, 5, 0), "coding rate 5"),
        ((7, 4, 1, 2), "parameters 2, 1, 0 are not 0 or 1"),
    ],
)
async def test_unusable_modulation(pair, a, modulation, text):
    await a.start()
    await a.do(0x8B, *modulation)
    await a.listen()
    assert (pair.violations, a.chip.mode) == ([text], Mode.STANDBY_RC)


@pytest.mark.parametrize(
    ("sf", "bandwidth", "right"), [(10, 4, 0), (11, 4, 1), (12, 4, 1), (11, 5, 0), (12, 5, 1), (12, 6, 0)]
)
async def test_low_data_rate_optimization_from_16_ms(pair, a, sf, bandwidth, right):
    await a.start()
    if bandwidth == 6:
        await a.write(0x0889, 0x01)
    await a.modulate(sf, bandwidth, ldro=right)
    await a.listen()
    assert pair.violations == []
    await a.do(0x80, 0)
    await a.modulate(sf, bandwidth, ldro=1 - right)
    await a.listen()
    assert len(pair.violations) == 1
    assert "LowDataRateOptimize" in pair.violations[0]


@pytest.mark.parametrize(
    ("inverted", "polarity", "right"), [(0, 0x0D, 1), (0, 0x09, 0), (1, 0x0D, 0), (1, 0x09, 1)]
)
async def test_the_polarity_register_must_agree(pair, a, inverted, polarity, right):
    await a.start(inverted=inverted)
    await a.write(0x0736, polarity)
    await a.listen()
    assert (pair.violations == []) == bool(right)


@pytest.mark.parametrize(
    ("register", "value", "bandwidth", "right"),
    [
        (0x0889, 0x05, 4, True),
        (0x0889, 0x01, 4, False),
        (0x0889, 0x01, 6, True),
        (0x0889, 0x05, 6, False),
        (0x08D8, 0xC8, 4, False),
        (0x08D8, 0xDE, 4, True),
    ],
)
async def test_workarounds_of_the_transmitter(pair, a, register, value, bandwidth, right):
    await a.start(bandwidth=bandwidth)
    await a.write(0x0889, 0x01 if bandwidth == 6 else 0x05)
    await a.write(register, value)
    await a.send(b"x")
    assert (pair.violations == []) == right


async def test_the_gain_register(pair, a):
    await a.start()
    for value, right in ((0x94, True), (0x96, True), (0x95, False)):
        await a.do(0x80, 0)
        a.chip.violations.clear()
        await a.write(0x08AC, value)
        await a.listen()
        assert (pair.violations == []) == right


async def test_without_dio2_the_antenna_is_cut_off(pair):
    await pair.a.start(switch=False)
    await pair.b.start(switch=False)
    await pair.b.listen()
    await pair.a.send(b"x")
    await pair.run(100_000)
    assert pair.sent[0].power_dbm == 14 - 40
    assert await pair.b.irq() == 0
    assert pair.violations == ["TX without DIO2 as RF switch", "RX without DIO2 as RF switch"]


async def test_a_board_without_a_switch_on_dio2():
    pair = Pair(rf_switch=False)
    await pair.a.start(switch=False)
    await pair.b.start(switch=False)
    await pair.b.listen()
    await pair.a.send(b"x")
    await pair.run(100_000)
    assert await pair.b.irq() & RX_DONE
    assert pair.violations == []


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
