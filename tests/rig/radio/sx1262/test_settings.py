"""The emulated SX1262's refusals of modulation, packet, workarounds and antenna."""

import pytest

from lyhord_rig.radio.sx1262_tables import Mode
from tests.rig.radio.sx1262.host import RX_DONE, Pair


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
