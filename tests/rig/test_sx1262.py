"""The emulated SX1262, spoken to over SPI as a driver does: sending and receiving."""

import pytest

from lyhord_rig.ether_model import Loss, Modulation
from lyhord_rig.sx1262 import Fault
from lyhord_rig.sx1262_tables import Mode
from tests.rig.sx1262_host import (
    CAD_DETECTED,
    CAD_DONE,
    CONTINUOUS,
    CRC_ERROR,
    HEADER_ERROR,
    HEADER_VALID,
    PREAMBLE,
    RX_DONE,
    TIMEOUT,
    TX_DONE,
    Host,
    Pair,
)

SYMBOL_US = 1024
AIRTIME_20_US = 56_576  # 20 bytes at SF7


@pytest.fixture
def pair():
    return Pair()


async def test_a_frame_goes_from_one_buffer_to_the_other(pair):
    data = bytes(range(20))
    await pair.a.start()
    await pair.b.start()
    await pair.b.listen()
    await pair.a.send(data)
    sent_us = pair.world.now_us
    assert pair.a.busy_us == 5_000 + 126  # the TCXO, then the transmitter
    assert await pair.a.status() == (6, 1)
    await pair.run(100_000)
    assert pair.sent[0].modulation == Modulation(868_100_000, 7)
    assert (pair.sent[0].start_us, pair.sent[0].power_dbm, pair.sent[0].data) == (sent_us, 14, data)
    assert pair.a.edges == [(sent_us + AIRTIME_20_US, 1)]
    assert await pair.a.status() == (2, 6)
    assert await pair.a.irq() == TX_DONE
    assert await pair.b.status() == (5, 2)
    assert await pair.b.irq() == RX_DONE | PREAMBLE | HEADER_VALID
    assert (await pair.b.do(0x13, 0, 0, 0))[2:] == bytes([20, 128])
    assert await pair.b.take() == data
    rssi, snr, signal = (await pair.b.do(0x14, 0, 0, 0, 0))[2:]
    assert (rssi, snr, signal) == (172, 31 * 4, 172)  # −86 dBm, 14 − 100 + 117 dB
    assert (await pair.b.read(0x0749), await pair.b.read(0x076B)) == (b"\x10", b"\x10")
    assert (await pair.b.do(0x10, *bytes(7)))[2:] == bytes([0, 1, 0, 0, 0, 0])
    assert pair.violations == []


async def test_dio1_follows_its_mask_and_flags_stay_until_they_are_cleared(pair):
    await pair.a.start(dio1=TX_DONE)
    await pair.a.send(b"x")
    await pair.run(100_000)
    await pair.a.do(0x02, 0x03, 0xFE)
    assert (await pair.a.irq(), pair.a.dio1.level) == (TX_DONE, 1)
    await pair.a.do(0x08, 0x03, 0xFF, 0, RX_DONE, 0, 0, 0, 0)
    assert pair.a.dio1.level == 0
    await pair.a.do(0x08, 0x03, 0xFF, 0, TX_DONE, 0, 0, 0, 0)
    assert pair.a.dio1.level == 1
    await pair.a.do(0x02, 0, TX_DONE)
    assert (await pair.a.irq(), pair.a.dio1.level) == (0, 0)


async def test_a_flag_outside_the_interrupt_mask_is_never_set(pair):
    await pair.a.start()
    await pair.a.do(0x08, 0, RX_DONE, 0x03, 0xFF, 0, 0, 0, 0)
    await pair.a.send(b"x")
    await pair.run(100_000)
    assert (await pair.a.irq(), pair.a.edges) == (0, [])
    assert pair.a.chip.mode is Mode.STANDBY_RC


async def test_receiving_continuously_the_frames_follow_each_other_in_the_buffer(pair):
    await pair.a.start()
    await pair.b.start()
    await pair.b.listen()
    for data, start in ((b"first", 128), (b"second!", 133)):
        await pair.a.send(data)
        await pair.run(100_000)
        assert (await pair.b.do(0x13, 0, 0, 0))[2:] == bytes([len(data), start])
        assert await pair.b.take() == data
    assert pair.violations == []


async def test_a_receiver_that_is_not_continuous_stops_after_a_frame(pair):
    await pair.a.start()
    await pair.b.start()
    await pair.b.listen(0)
    await pair.a.send(b"first")
    await pair.run(100_000)
    assert pair.b.chip.mode is Mode.STANDBY_RC
    await pair.a.send(b"second")
    await pair.run(100_000)
    assert await pair.b.take() == b"first"
    assert len(pair.sent) == 2


@pytest.mark.parametrize(("code", "mode"), [(0x20, 2), (0x30, 3), (0x40, 4)])
async def test_the_fallback_mode_after_a_frame(pair, code, mode):
    await pair.a.start()
    await pair.a.do(0x93, code)
    await pair.a.send(b"x")
    await pair.run(100_000)
    assert (await pair.a.status())[0] == mode
    await pair.a.do(0x0E, 0, 1)
    await pair.a.do(0x83, 0, 0, 0)
    assert pair.a.busy_us == {2: 5_126, 3: 105, 4: 76}[mode]
    assert pair.violations == []


@pytest.mark.parametrize("power_dbm", [-124.7, -124.4, -119, -117, -110])
async def test_a_frame_at_the_edge(pair, power_dbm):
    # SF7 is received down to 7.5 dB under the noise of −117.03 dBm.
    far = Host(pair.ether, "far", (10 ** ((14 - 100 - power_dbm) / 20), 0))
    await pair.a.start()
    await far.start()
    await far.listen()
    await pair.a.send(b"far away")
    await pair.run(100_000)
    if power_dbm < -124.53:
        assert pair.losses == [Loss.WEAK]
        return
    rssi, snr, signal = (await far.do(0x14, 0, 0, 0, 0))[2:]
    assert -signal / 2 == pytest.approx(power_dbm, abs=0.3)
    assert (snr - 256 if snr > 127 else snr) / 4 == pytest.approx(power_dbm + 117.03, abs=0.2)
    assert -rssi / 2 > max(power_dbm, -117) - 0.1  # signal and noise together


async def test_without_crc_damage_is_not_seen_but_the_header_tells(pair):
    pair.b.chip.fault = Fault.CRC_ERROR
    await pair.a.start(crc=0)
    await pair.b.start()
    await pair.b.listen()
    await pair.a.send(b"frame")
    await pair.run(100_000)
    assert await pair.b.irq() & (RX_DONE | CRC_ERROR) == RX_DONE
    assert await pair.b.take() != b"frame"
    assert await pair.b.read(0x076B) == b"\x00"


async def test_a_crc_error_comes_with_rx_done(pair):
    pair.b.chip.fault = Fault.CRC_ERROR
    await pair.a.start()
    await pair.b.start()
    await pair.b.listen()
    await pair.a.send(b"frame")
    await pair.run(100_000)
    assert await pair.b.irq() & (RX_DONE | CRC_ERROR) == RX_DONE | CRC_ERROR
    assert (await pair.b.do(0x10, *bytes(7)))[2:] == bytes([0, 0, 0, 1, 0, 0])


@pytest.mark.parametrize(("limit", "flag"), [(20, RX_DONE), (19, HEADER_ERROR)])
async def test_the_payload_length_is_the_longest_that_is_received(pair, limit, flag):
    await pair.a.start()
    await pair.b.start()
    await pair.b.do(0x8C, 0, 8, 0, limit, 1, 0)
    await pair.b.do(0x82, 0, 0, 0)
    await pair.a.send(bytes(range(20)))
    await pair.run(100_000)
    assert await pair.b.irq() & (RX_DONE | HEADER_ERROR) == flag
    assert pair.b.chip.mode is Mode.STANDBY_RC


@pytest.mark.parametrize(
    ("sent", "heard", "arrives"), [(0, 0, True), (1, 1, True), (1, 0, False), (0, 1, False)]
)
async def test_iq_must_match(pair, sent, heard, arrives):
    await pair.a.start(inverted=sent)
    await pair.b.start(inverted=heard)
    await pair.b.listen()
    await pair.a.send(b"x")
    await pair.run(100_000)
    assert (await pair.b.irq() & RX_DONE != 0) == arrives
    assert pair.losses == ([] if arrives else [Loss.POLARITY])
    assert pair.violations == []


async def test_the_sync_word_lies_in_two_registers(pair):
    await pair.a.start()
    await pair.b.start()
    await pair.b.write(0x0740, 0x14, 0x24)
    await pair.b.listen()
    await pair.a.send(b"x")
    await pair.run(100_000)
    assert pair.sent[0].modulation.sync_word == 0x34
    assert pair.losses == [Loss.SYNC_WORD]
    await pair.b.do(0x80, 0)
    await pair.b.write(0x0740, 0x34, 0x43)
    await pair.b.listen()
    assert pair.violations == ["sync word registers 3443"]


# -- timeouts ----------------------------------------------------------------------------------------


async def test_the_receive_timer_counts_in_64ths_of_a_millisecond(pair):
    await pair.b.start()
    await pair.b.listen(6_400)
    listens_us = pair.world.now_us
    assert pair.b.busy_us == 5_083
    await pair.run(200_000)
    assert pair.b.edges == [(listens_us + 100_000, 1)]
    assert await pair.b.irq() == TIMEOUT
    assert await pair.b.status() == (2, 1)


@pytest.mark.parametrize(("late_us", "arrives"), [(100, True), (-100, False)])
async def test_the_timer_stops_at_the_header_not_at_the_preamble(pair, late_us, arrives):
    header_us = int((8 + 4.25 + 8) * SYMBOL_US)
    await pair.a.start()
    await pair.b.start()
    start_us = pair.world.now_us + 100_000
    ticks = 64 * 40  # 40 ms
    await pair.world.run(until=start_us + header_us - 40_000 + late_us - 5_083)
    pair.b.raw(0x82, *ticks.to_bytes(3, "big"))
    await pair.world.run(until=start_us - 10_000)
    pair.a.raw(0x80, 1)  # the clock runs
    await pair.a.ready()
    await pair.a.do(0x0E, 0, *b"x" * 20)
    await pair.a.do(0x8C, 0, 8, 0, 20, 1, 0)
    await pair.world.run(until=start_us - 105)
    pair.a.raw(0x83, 0, 0, 0)
    await pair.run(200_000)
    assert pair.sent[0].start_us == start_us
    assert (await pair.b.irq() & RX_DONE != 0) == arrives
    assert (await pair.b.irq() & TIMEOUT != 0) == (not arrives)
    assert await pair.b.irq() & PREAMBLE


async def test_the_timer_stops_at_the_preamble_if_told_to(pair):
    await pair.a.start()
    await pair.b.start()
    await pair.b.do(0x9F, 1)
    await pair.b.listen(64 * 25)  # 25 ms: less than preamble and header behind the sender's start
    await pair.a.send(b"x" * 20)
    await pair.run(200_000)
    assert await pair.b.irq() & (RX_DONE | TIMEOUT) == RX_DONE


@pytest.mark.parametrize(("asked", "symbols"), [(5, 6), (6, 6), (62, 62), (63, 64), (100, 104), (248, 248)])
async def test_the_symbol_timeout_is_rounded_up(pair, asked, symbols):
    await pair.b.start()
    await pair.b.do(0xA0, asked)
    await pair.b.listen(0)
    listens_us = pair.world.now_us
    await pair.run(500_000)
    assert pair.b.edges == [(listens_us + symbols * SYMBOL_US, 1)]
    assert await pair.b.irq() == TIMEOUT
    assert pair.violations == []


@pytest.mark.parametrize("symbols", [6, 12])
async def test_a_preamble_within_the_symbols_keeps_the_receiver_on(pair, symbols):
    await pair.a.start()
    await pair.b.start()
    await pair.b.do(0xA0, symbols)
    await pair.a.send(b"x" * 20)
    await pair.b.listen(0)  # 5.3 ms later: with 2.8 symbols of the preamble left it is late
    await pair.run(200_000)
    assert await pair.b.irq() == TIMEOUT
    await pair.b.do(0x02, 0x03, 0xFF)
    await pair.a.do(0x80, 1)
    await pair.b.listen(0)
    await pair.a.send(b"x" * 20)
    await pair.run(200_000)
    assert await pair.b.irq() & (RX_DONE | TIMEOUT) == RX_DONE


async def test_symbols_beyond_248_and_with_continuous_reception(pair):
    await pair.b.start()
    await pair.b.do(0xA0, 249)
    await pair.b.listen(CONTINUOUS)
    assert pair.violations == ["SetLoRaSymbNumTimeout 249", "continuous RX with a timeout of 248 symbols"]


@pytest.mark.parametrize(("ticks", "flag"), [(64 * 57, TX_DONE), (64 * 56, TIMEOUT)])
async def test_a_transmission_that_takes_longer_than_its_timer_is_cut(pair, ticks, flag):
    await pair.a.start()
    await pair.a.send(bytes(20), ticks)
    await pair.run(100_000)
    assert await pair.a.irq() == flag
    assert pair.ether.cut == (flag == TIMEOUT)


async def test_a_stuck_transmitter_never_says_done(pair):
    pair.a.chip.fault = Fault.STUCK_TX
    await pair.a.start()
    await pair.a.send(b"x")
    await pair.run(5_000_000)
    assert (await pair.a.irq(), await pair.a.status(), pair.sent) == (0, (6, 1), [])
    await pair.a.do(0x80, 0)
    await pair.a.send(b"x", 640)
    await pair.run(5_000_000)
    assert await pair.a.irq() == TIMEOUT


async def test_standby_cuts_a_frame_off(pair):
    await pair.a.start()
    await pair.b.start()
    await pair.b.listen()
    await pair.a.send(bytes(20))
    await pair.run(40_000)
    await pair.a.do(0x80, 0)
    await pair.run(100_000)
    assert pair.ether.cut == 1
    assert await pair.b.irq() & (RX_DONE | HEADER_ERROR) == HEADER_ERROR
    assert pair.b.chip.mode is Mode.RX


# -- channel activity and levels -----------------------------------------------------------------------


@pytest.mark.parametrize("busy", [True, False])
async def test_channel_activity(pair, busy):
    await pair.a.start()
    await pair.b.start()
    await pair.b.do(0x88, 2, 22, 10, 0, 0, 0, 0)
    if busy:
        await pair.a.send(bytes(200))
    await pair.b.do(0xC5)
    began_us = pair.world.now_us
    await pair.run(20_000)
    assert await pair.b.irq() == (CAD_DONE | CAD_DETECTED if busy else CAD_DONE)
    assert pair.b.edges == [(began_us + 4 * SYMBOL_US + SYMBOL_US // 2, 1)]
    assert pair.b.chip.mode is Mode.STANDBY_RC
    assert pair.violations == []


async def test_the_level_in_the_channel(pair):
    await pair.a.start()
    await pair.b.start()
    await pair.b.listen()
    quiet = (await pair.b.do(0x15, 0, 0))[2]
    await pair.a.send(bytes(200))
    loud = (await pair.b.do(0x15, 0, 0))[2]
    assert (quiet, loud) == (234, 172)


# -- power -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "asked", "dbm"),
    [
        ((4, 7), 22, 22),
        ((4, 7), 14, 14),
        ((3, 5), 22, 20),
        ((2, 3), 22, 17),
        ((2, 2), 22, 14),
        ((2, 2), 14, 6),  # the trap: 22 asks for what the configuration gives
        ((4, 7), -9, -9),
    ],
)
async def test_power_at_the_antenna(pair, config, asked, dbm):
    await pair.a.start()
    await pair.a.do(0x95, *config, 0, 1)
    await pair.a.do(0x8E, asked & 0xFF, 4)
    await pair.a.send(b"x")
    await pair.run(1)
    assert pair.sent[0].power_dbm == dbm
    assert pair.violations == []


@pytest.mark.parametrize(("dbm", "sends"), [(22, True), (23, False), (-9, True), (-10, False)])
async def test_the_range_of_power(pair, dbm, sends):
    await pair.a.start()
    await pair.a.do(0x8E, dbm & 0xFF, 4)
    await pair.a.send(b"x")
    assert len(pair.sent) == sends
    assert (await pair.a.status())[1] == (1 if sends else 5)
    assert len(pair.violations) == (not sends)


async def test_the_current_limit_is_set_again_by_every_pa_config(pair):
    await pair.a.start()
    await pair.a.do(0x95, 4, 7, 0, 1)
    assert await pair.a.read(0x08E7) == b"\x38"
    await pair.a.write(0x08E7, 0x18)
    await pair.a.send(b"x")
    await pair.run(50_000)
    assert pair.violations == ["over-current protection at 60 mA with 22 dBm"]
    assert pair.sent[0].power_dbm < 22
