"""The emulated SX1262, spoken to over SPI as a driver does: frames, channel activity, levels."""

import pytest

from lyhord_rig.radio.model import Loss, Modulation
from lyhord_rig.radio.sx1262 import Fault
from lyhord_rig.radio.sx1262_tables import Mode
from tests.rig.radio.sx1262.host import (
    CAD_DETECTED,
    CAD_DONE,
    CRC_ERROR,
    HEADER_ERROR,
    HEADER_VALID,
    PREAMBLE,
    RX_DONE,
    SYMBOL_US,
    TX_DONE,
    Host,
)

AIRTIME_20_US = 56_576  # 20 bytes at SF7


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


@pytest.mark.parametrize(
    ("after_symbols", "heard"), [(0, True), (4, True), (6, True), (8, False), (12, False), (40, False)]
)
async def test_channel_activity_is_a_preamble_and_no_payload(pair, after_symbols, heard):
    await pair.a.start()
    await pair.b.start()
    await pair.b.do(0x88, 1, 22, 10, 0, 0, 0, 0)
    await pair.b.do(0x80, 1)
    await pair.a.send(bytes(200))
    await pair.run(pair.sent[0].start_us + after_symbols * SYMBOL_US - pair.world.now_us)
    await pair.b.do(0xC5)
    await pair.run(20_000)
    assert await pair.b.irq() == (CAD_DONE | CAD_DETECTED if heard else CAD_DONE)


async def test_the_level_in_the_channel(pair):
    await pair.a.start()
    await pair.b.start()
    await pair.b.listen()
    quiet = (await pair.b.do(0x15, 0, 0))[2]
    await pair.a.send(bytes(200))
    loud = (await pair.b.do(0x15, 0, 0))[2]
    assert (quiet, loud) == (234, 172)
