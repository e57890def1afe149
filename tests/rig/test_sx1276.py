"""The emulated SX1276, spoken to over SPI as a driver does, with a second one at the other end."""

import pytest

from lyhord_rig import Line, World
from lyhord_rig.ether import Ether
from lyhord_rig.ether_model import Loss, Lost, Modulation, Transmission
from lyhord_rig.sx1276 import Fault, Sx1276
from tests.rig.ether_ear import FLAT

SLEEP, STANDBY, FS_TX, TX, RX_CONTINUOUS, RX_SINGLE, CAD = 0, 1, 2, 3, 5, 6, 7
RX_TIMEOUT, RX_DONE, CRC_ERROR, VALID_HEADER, TX_DONE, CAD_DONE, CAD_DETECTED = (
    0x80,
    0x40,
    0x20,
    0x10,
    8,
    4,
    1,
)
SYMBOL_US = 1024


class Host:
    """One chip and the SPI transfers of a careful driver."""

    def __init__(self, ether, name, position_m):
        self.dio0, self.dio1 = Line(26), Line(33)
        self.edges = []
        self.world = ether.world
        self.dio0.listen(lambda line: self.edges.append((self.world.now_us, line.level)))
        self.chip = Sx1276(ether.world, ether.attach(position_m, name), self.dio0, self.dio1)

    def transfer(self, *parts):
        self.chip.select()
        answers = [self.chip.transfer(bytes(part)) for part in parts]
        self.chip.deselect()
        return answers[-1]

    def read(self, address, count=1):
        answer = self.transfer(bytes([address]) + bytes(count))[1:]
        return answer[0] if count == 1 else answer

    def write(self, address, *values):
        self.transfer(bytes([address | 0x80, *values]))

    def mode(self, mode):
        self.write(0x01, 0x80 | mode)

    def start(self, sf=7, crc=True, freq=0xD90666, boost=0x8C):
        """LoRa standby, tuned: 868.1 MHz, 125 kHz, 4/5, sync word 0x34, 14 dBm at PA_BOOST."""
        self.write(0x01, SLEEP)
        self.mode(SLEEP)
        self.mode(STANDBY)
        self.write(0x06, freq >> 16, freq >> 8 & 0xFF, freq & 0xFF)
        self.write(0x09, boost)
        self.write(0x0E, 0, 0)
        self.write(0x1D, 0x72, sf << 4 | (4 if crc else 0))
        self.write(0x26, 0x0C if sf > 10 else 0x04)
        self.write(0x39, 0x34)
        return self

    def invert(self, first=0x67, second=0x19):
        self.write(0x33, first)
        self.write(0x3B, second)

    def load(self, data):
        self.write(0x0D, 0)
        self.transfer(b"\x80", data)
        self.write(0x22, len(data))

    def send(self, data):
        self.mode(STANDBY)
        self.write(0x40, 0x40)
        self.load(data)
        self.mode(TX)

    def listen(self, mode=RX_CONTINUOUS, symbols=100):
        self.mode(STANDBY)
        self.write(0x40, 0x00)
        self.write(0x1F, symbols)
        self.mode(mode)

    def take(self):
        self.write(0x0D, self.read(0x10))
        return self.read(0x00, self.read(0x13))


class Pair:
    """Two chips one metre apart: 100 dB between them."""

    def __init__(self, loss=0.0):
        self.world = World(seed=9, pace=None)
        self.ether = Ether(self.world, path_loss=FLAT, loss=loss)
        self.events = []
        self.ether.on_event(self.events.append)
        self.a = Host(self.ether, "a", (0, 0))
        self.b = Host(self.ether, "b", (1, 0))

    async def run(self, us):
        await self.world.run(until=self.world.now_us + us)

    @property
    def sent(self):
        return [event for event in self.events if isinstance(event, Transmission)]

    @property
    def losses(self):
        return [event.reason for event in self.events if isinstance(event, Lost)]

    @property
    def violations(self):
        return self.a.chip.violations + self.b.chip.violations


@pytest.fixture
def pair():
    return Pair()


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


async def test_half_inverted_iq_is_a_violation(pair):
    pair.a.start().invert(0x26, 0x1D)
    pair.a.send(b"up")
    pair.b.start().invert(0x67, 0x1D)
    pair.b.listen()
    assert ["InvertIQ" in violation for violation in pair.violations] == [True, True]


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
