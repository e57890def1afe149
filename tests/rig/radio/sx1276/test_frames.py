"""The emulated SX1276, spoken to over SPI as a driver does, with a second one at the other end."""

import pytest

from lyhord_rig.radio.model import Loss, Modulation
from lyhord_rig.radio.sx1276 import Fault
from tests.rig.radio.sx1276.host import (
    CAD,
    CAD_DETECTED,
    CAD_DONE,
    CRC_ERROR,
    RX_CONTINUOUS,
    RX_DONE,
    RX_SINGLE,
    RX_TIMEOUT,
    SLEEP,
    STANDBY,
    SYMBOL_US,
    TX,
    TX_DONE,
    VALID_HEADER,
    Host,
)


async def test_a_frame_goes_from_one_fifo_to_the_other(pair):
    data = bytes(range(20))
    pair.a.start()
    pair.b.start().listen()
    pair.b.edges.clear()
    await pair.run(1_000)
    pair.a.send(data)
    assert pair.a.read(0x01) == 0x80 | TX
    await pair.run(100_000)
    assert pair.sent[0].modulation == Modulation(868_099_976, 7)  # the synthesizer's step is 61 Hz
    assert (pair.sent[0].power_dbm, pair.sent[0].data) == (14, data)
    assert pair.a.edges == [(1_000 + 56_576, 1)]
    assert (pair.a.read(0x12), pair.a.read(0x01)) == (TX_DONE, 0x80 | STANDBY)
    assert pair.b.edges == [(1_000 + 56_576, 1)]
    assert pair.b.read(0x12) == RX_DONE | VALID_HEADER
    assert pair.b.read(0x01) == 0x80 | RX_CONTINUOUS
    assert pair.b.take() == data
    assert pair.b.read(0x1C) & 0x40
    assert pair.b.read(0x19) == 31 * 4  # 14 − 100 + 117 dB
    assert pair.b.read(0x1A) - 157 == -86
    assert (pair.b.read(0x14, 2), pair.b.read(0x16, 2)) == (b"\x00\x01", b"\x00\x01")
    assert pair.violations == []


async def test_flags_stay_until_a_one_is_written_and_dio0_follows(pair):
    pair.a.start()
    pair.a.send(b"x")
    await pair.run(100_000)
    pair.a.write(0x12, 0xFF & ~TX_DONE)
    assert (pair.a.read(0x12), pair.a.dio0.level) == (TX_DONE, 1)
    pair.a.write(0x40, 0x00)  # DIO0 shows RxDone now
    assert pair.a.dio0.level == 0
    pair.a.write(0x40, 0x40)
    assert pair.a.dio0.level == 1
    pair.a.write(0x12, TX_DONE)
    assert (pair.a.read(0x12), pair.a.dio0.level) == (0, 0)


async def test_a_masked_flag_is_not_set(pair):
    pair.a.start().write(0x11, TX_DONE)
    pair.a.send(b"x")
    await pair.run(100_000)
    assert (pair.a.read(0x12), pair.a.edges) == (0, [])
    assert pair.a.read(0x01) == 0x80 | STANDBY


async def test_receiving_continuously_the_frames_follow_each_other_in_the_fifo(pair):
    pair.a.start()
    pair.b.start().listen()
    for data in (b"first", b"second!"):
        pair.a.write(0x12, 0xFF)
        pair.a.send(data)
        await pair.run(100_000)
        assert pair.b.take() == data
        pair.b.write(0x12, 0xFF)
    assert (pair.b.read(0x10), pair.b.read(0x25)) == (5, 12)
    assert pair.violations == []


async def test_a_frame_that_is_not_fetched_in_time_does_not_move_the_pointer(pair):
    pair.a.start()
    pair.b.start().listen()
    pair.a.send(b"frame")
    await pair.run(100_000)
    pair.b.write(0x0D, 3)
    assert pair.b.read(0x00, 2) == b"me"
    assert pair.violations == []


@pytest.mark.parametrize("snr_db", [-7, -5, -2, 3])
async def test_rssi_below_the_noise_is_told_by_the_snr(pair, snr_db):
    # RFO at its weakest: −4.2 dBm, so the distance makes the rest.
    target_dbm = -117.03 + snr_db
    far = Host(pair.ether, "far", (10 ** ((2 - 100 - target_dbm) / 20), 0))
    pair.a.start(boost=0x80)  # 2 dBm
    far.start().listen()
    pair.a.send(b"far away")
    await pair.run(100_000)
    snr_q4 = far.read(0x19)
    snr_q4 -= 256 if snr_q4 > 127 else 0
    assert snr_q4 == pytest.approx(snr_db * 4, abs=1)
    rssi_dbm = far.read(0x1A) - 157 + min(snr_q4, 0) / 4
    assert rssi_dbm == pytest.approx(target_dbm, abs=0.8)


@pytest.mark.parametrize("symbols", [5, 100, 1023])
async def test_a_single_reception_times_out_after_its_symbols(pair, symbols):
    pair.b.start()
    pair.b.write(0x1E, 0x74 | symbols >> 8)
    pair.b.listen(RX_SINGLE, symbols & 0xFF)
    await pair.run(symbols * SYMBOL_US - 1)
    assert (pair.b.read(0x12), pair.b.read(0x01)) == (0, 0x80 | RX_SINGLE)
    await pair.run(1)
    assert (pair.b.read(0x12), pair.b.read(0x01)) == (RX_TIMEOUT, 0x80 | STANDBY)
    assert (pair.b.dio0.level, pair.b.dio1.level) == (0, 1)
    assert pair.violations == []


async def test_a_preamble_in_time_stops_the_timeout_and_the_chip_ends_in_standby(pair):
    pair.a.start()
    pair.b.start().listen(RX_SINGLE, symbols=8)
    await pair.run(2 * SYMBOL_US)
    pair.a.send(bytes(100))
    await pair.run(7 * SYMBOL_US)
    assert pair.b.read(0x18) == 0x07  # signal detected and synchronized, receiving
    await pair.run(500_000)
    assert (pair.b.read(0x12), pair.b.read(0x01)) == (RX_DONE | VALID_HEADER, 0x80 | STANDBY)
    assert pair.b.take() == bytes(100)


async def test_a_preamble_too_late_does_not_stop_the_timeout(pair):
    pair.a.start()
    pair.b.start().listen(RX_SINGLE, symbols=8)
    await pair.run(4 * SYMBOL_US)
    pair.a.send(bytes(100))
    await pair.run(500_000)
    assert pair.b.read(0x12) == RX_TIMEOUT
    assert pair.losses == [Loss.LEFT]


async def test_the_crc_flag_speaks_only_of_frames_with_a_crc(pair):
    pair.a.start(crc=False)
    pair.b.start().listen()
    pair.b.chip.fault = Fault.CRC_ERROR
    pair.a.send(b"without")
    await pair.run(100_000)
    assert (pair.b.read(0x12), pair.b.read(0x1C) & 0x40) == (RX_DONE | VALID_HEADER, 0)
    assert pair.b.take() != b"without"
    pair.b.write(0x12, 0xFF)
    pair.a.start(crc=True).send(b"with")
    await pair.run(100_000)
    assert (pair.b.read(0x12), pair.b.read(0x1C) & 0x40) == (RX_DONE | VALID_HEADER | CRC_ERROR, 0x40)
    pair.b.chip.fault = None
    pair.b.write(0x12, 0xFF)
    pair.a.send(b"whole")
    await pair.run(100_000)
    assert pair.b.read(0x12) == RX_DONE | VALID_HEADER
    assert pair.b.take() == b"whole"


async def test_a_frame_hit_after_its_header_has_a_crc_error(pair):
    other = Host(pair.ether, "other", (1, 0)).start()
    pair.a.start()
    pair.b.start().listen()
    pair.world.call_later(1, pair.a.send, b"y" * 50)
    pair.world.call_later(40_000, other.send, b"z" * 10)
    await pair.run(300_000)
    # Both are a metre from b or at it; `other` sits on b's place and is far louder.
    assert pair.b.read(0x12) == RX_DONE | VALID_HEADER | CRC_ERROR


@pytest.mark.parametrize(
    ("sender", "receiver", "reason"),
    [
        (None, None, None),
        ((0x26, 0x19), (0x67, 0x19), None),
        ((0x26, 0x19), None, Loss.POLARITY),
        (None, (0x67, 0x19), Loss.POLARITY),
        ((0x67, 0x1D), None, None),  # bit 6 inverts reception only
    ],
)
async def test_iq_must_agree(pair, sender, receiver, reason):
    pair.a.start()
    pair.b.start()
    if sender:
        pair.a.invert(*sender)
    if receiver:
        pair.b.invert(*receiver)
    pair.b.listen()
    pair.a.send(b"up")
    await pair.run(100_000)
    assert pair.losses == ([reason] if reason else [])
    assert pair.violations == []


async def test_another_sync_word_is_not_heard(pair):
    pair.a.start()
    pair.b.start().write(0x39, 0x12)
    pair.b.listen()
    pair.a.send(b"up")
    await pair.run(100_000)
    assert pair.losses == [Loss.SYNC_WORD]


@pytest.mark.parametrize("sf", [11, 12])
async def test_low_data_rate_optimize_is_due_at_sf11_and_sf12(pair, sf):
    pair.a.start(sf=sf)
    pair.b.start(sf=sf).listen()
    pair.a.send(b"right")
    await pair.run(3_000_000)
    assert pair.b.take() == b"right"
    assert pair.violations == []
    pair.a.write(0x26, 0x04)
    pair.a.write(0x12, 0xFF)
    pair.a.send(b"wrong")
    await pair.run(3_000_000)
    assert pair.losses == [Loss.LOW_DATA_RATE]
    assert ["LowDataRateOptimize False" in violation for violation in pair.violations] == [True]


async def test_a_longer_frame_than_allowed_is_dropped(pair):
    pair.a.start()
    pair.b.start().write(0x23, 10)
    pair.b.listen()
    pair.a.send(bytes(11))
    await pair.run(100_000)
    assert not pair.b.read(0x12) & RX_DONE
    pair.a.write(0x12, 0xFF)
    pair.a.send(bytes(10))
    await pair.run(100_000)
    assert pair.b.read(0x12) & RX_DONE


async def test_channel_activity_detection(pair):
    pair.a.start()
    pair.b.start()
    for expected in (CAD_DONE, CAD_DONE | CAD_DETECTED):
        pair.b.write(0x12, 0xFF)
        pair.b.write(0x40, 0x80)
        pair.b.mode(CAD)
        await pair.run(2 * SYMBOL_US)
        assert (pair.b.read(0x12), pair.b.dio0.level) == (expected, 1)
        assert pair.b.read(0x01) == 0x80 | STANDBY
        pair.a.send(bytes(50))
    assert pair.violations == []


@pytest.mark.parametrize(
    ("after_symbols", "heard"), [(0, True), (4, True), (7, True), (8, False), (12, False), (40, False)]
)
async def test_channel_activity_is_a_preamble_and_no_payload(pair, after_symbols, heard):
    pair.a.start().send(bytes(200))
    pair.b.start()
    await pair.run(after_symbols * SYMBOL_US)
    pair.b.mode(CAD)
    await pair.run(2 * SYMBOL_US)
    assert pair.b.read(0x12) == (CAD_DONE | CAD_DETECTED if heard else CAD_DONE)


async def test_leaving_tx_cuts_the_frame_off(pair):
    pair.a.start()
    pair.b.start().listen()
    pair.a.send(bytes(50))
    await pair.run(50_000)
    pair.a.mode(SLEEP)
    await pair.run(200_000)
    assert pair.losses == [Loss.CUT]
    assert (pair.a.read(0x12), pair.b.read(0x12)) == (0, VALID_HEADER)
    assert pair.b.read(0x18) == 0x14  # it listens again
