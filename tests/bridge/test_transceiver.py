"""The bridge's radio: listens, transmits at the requested microsecond, comes back from every fault."""

import pytest

from drivers.sx127x import RadioError
from lyhord_bridge import transceiver as module
from lyhord_bridge.clock import Clock, tmst
from lyhord_bridge.scheduler import LEAD_US, Scheduler
from lyhord_bridge.transceiver import Transceiver
from lyhord_rig.radio.sx1276 import Fault
from lyhord_rig.radio.sx1276_registers import Mode
from lyhord_wire.bridge import RADIO_FAULT, SENT, TOO_LATE, Log, Received, Transmit, TxResult
from tests.drivers.emulated import PERIOD
from tests.drivers.emulated_radio import EmulatedSx1276, radio_time


class Bench:
    """A chip under a transceiver, in a time whose ticks wrap after one second."""

    def __init__(self, now_us=PERIOD - 1_000_000):
        self.ticks = radio_time(now_us).install(module)
        self.chip = EmulatedSx1276(self.ticks)
        self.chip.air.on_send = self.note_start
        self.present = True
        self.starts = []
        self.clock = Clock(self.ticks.ticks_us, self.ticks.ticks_diff, self.ticks.ticks_add)
        self.epoch_us = self.ticks.now_us
        self.transceiver = Transceiver(self.open, self.clock, Scheduler(2, 20), 868_100_000, 7)
        self.messages = []

    def open(self):
        self.starts.append(self.ticks.now_us)
        self.chip.chip.fault = None if self.present else Fault.FLOATING
        return self.chip.open()

    def run(self, duration_us):
        """Steps every 10 ms; a transmission that begins ends by itself after its time on air."""
        end_us = self.ticks.now_us + duration_us
        while self.ticks.now_us < end_us:
            self.step()
            self.ticks.pass_us(10_000)

    def step(self):
        self.messages.extend(self.transceiver.step())

    def note_start(self):
        self.sent_at_us = self.ticks.now_us
        modulation, _, data = self.chip.air.sent[-1]
        self.ticks.at(self.ticks.now_us + modulation.airtime_us(len(data)), self.finish)

    def finish(self):
        if self.chip.mode is Mode.TX:
            self.chip.finish_send()

    def results(self):
        return [(m.token, m.status) for m in self.messages if isinstance(m, TxResult)]

    def logs(self):
        return [m.text for m in self.messages if isinstance(m, Log)]


def downlink(bench, ahead_us, token=5, sf=9, freq_hz=868_300_000):
    start_us = bench.clock.now_us() + ahead_us
    refused = bench.transceiver.request(Transmit(token, tmst(start_us), freq_hz, sf, 14, b"to a node"))
    assert refused is None
    return bench.epoch_us + start_us  # in the bench's own time


def test_frames_are_reported_with_the_microsecond_of_their_end():
    bench = Bench()
    bench.run(100_000)
    assert bench.chip.mode is Mode.RX_CONTINUOUS
    for index in range(5):  # over the wrap of the ticks
        end_us = bench.ticks.now_us + 333_000
        bench.ticks.at(end_us, lambda: bench.chip.deliver(b"frame"))
        bench.run(500_000)
        received = bench.messages.pop()
        assert isinstance(received, Received)
        assert (received.rssi_dbm, received.snr_q4) == (-100, 40)
        assert (received.freq_hz, received.sf) == (868_100_000, 7)
        assert received.data == b"frame"
        assert 0 <= received.tmst_us - (end_us - bench.epoch_us) <= 30
        assert bench.transceiver.received == index + 1
    assert bench.ticks.now_us > PERIOD


def test_frames_with_a_bad_crc_are_counted_and_not_reported():
    bench = Bench()
    bench.run(50_000)
    for options in ({"crc_error": True}, {"has_crc": False}):
        bench.chip.deliver(b"frame", **options)
        bench.run(50_000)
    bench.chip.deliver(b"")
    bench.run(50_000)
    assert bench.transceiver.crc_errors == 3 and bench.transceiver.received == 0
    assert [m for m in bench.messages if isinstance(m, Received)] == []


def test_a_downlink_starts_at_its_microsecond_and_the_radio_listens_again():
    bench = Bench()
    bench.run(50_000)
    at_us = downlink(bench, 1_000_000)
    bench.run(900_000)
    assert bench.chip.sent == []
    bench.run(600_000)
    ((modulation, _, data),) = bench.chip.air.sent
    assert data == b"to a node"
    assert 0 <= bench.sent_at_us - at_us <= 50
    assert abs(modulation.freq_hz - 868_300_000) < 100 and modulation.sf == 9
    assert modulation.inverted and not modulation.crc
    assert bench.results() == [(5, SENT)] and bench.transceiver.sent == 1
    assert bench.chip.mode is Mode.RX_CONTINUOUS
    assert abs(bench.chip.registers.freq_hz - 868_100_000) < 100
    assert (bench.chip.registers[0x33], bench.chip.registers[0x1E]) == (0x27, 0x74)  # as for uplinks
    assert bench.chip.violations == []


def test_a_downlink_whose_time_has_passed_is_not_sent():
    bench = Bench()
    bench.run(50_000)
    downlink(bench, LEAD_US + 5_000)
    bench.ticks.pass_us(LEAD_US + 6_000)  # held up by something
    bench.step()
    assert bench.results() == [(5, TOO_LATE)] and bench.chip.sent == []
    assert bench.chip.mode is Mode.RX_CONTINUOUS


def test_listening_elsewhere_takes_effect_at_once_or_after_the_transmission():
    bench = Bench()
    bench.run(50_000)
    assert bench.transceiver.listen(868_500_000, 12) == ()
    assert abs(bench.chip.registers.freq_hz - 868_500_000) < 100 and bench.chip.registers[0x1E] >> 4 == 12
    downlink(bench, 100_000)
    bench.run(120_000)
    assert bench.chip.mode is Mode.TX
    bench.transceiver.listen(867_100_000, 8)
    assert bench.chip.mode is Mode.TX
    bench.run(500_000)
    assert bench.results() == [(5, SENT)]
    assert abs(bench.chip.registers.freq_hz - 867_100_000) < 100 and bench.chip.registers[0x1E] >> 4 == 8


def test_an_absent_chip_is_tried_again_ever_less_often():
    bench = Bench()
    bench.present = False
    bench.run(200_000_000)
    starts = bench.starts
    waits_s = [(starts[n] - starts[n - 1] + 500_000) // 1_000_000 for n in range(1, len(starts))]
    assert waits_s == [1, 2, 4, 8, 16, 32, 60, 60]
    assert bench.transceiver.faults == len(bench.logs()) == 9
    refused = bench.transceiver.request(Transmit(1, None, 868_100_000, 7, 14, b"x"))
    assert (refused.token, refused.status) == (1, RADIO_FAULT)
    bench.present = True
    bench.run(61_000_000)
    assert bench.chip.mode is Mode.RX_CONTINUOUS
    bench.chip.deliver(b"heard")
    bench.run(20_000)
    assert bench.messages[-1].data == b"heard"


def test_a_chip_that_resets_itself_is_started_anew():
    bench = Bench()
    bench.run(50_000)
    bench.chip.brown_out()
    bench.run(2_000_000)
    assert bench.transceiver.faults == 1 and len(bench.starts) == 2
    assert bench.chip.mode is Mode.RX_CONTINUOUS and bench.chip.registers[0x01] == 0x85


def test_a_transmission_that_hangs_is_a_fault_and_then_work_goes_on():
    bench = Bench()
    bench.run(50_000)
    downlink(bench, 100_000, token=1)
    bench.finish = lambda: None
    bench.run(1_000_000)
    assert bench.results() == [(1, RADIO_FAULT)]
    del bench.finish
    bench.run(2_000_000)
    downlink(bench, 100_000, token=2)
    bench.run(500_000)
    assert bench.results() == [(1, RADIO_FAULT), (2, SENT)]


def test_what_falls_due_while_the_radio_is_down_is_a_radio_fault():
    bench = Bench()
    bench.run(50_000)
    downlink(bench, 800_000, token=1)
    bench.present = False
    bench.chip.brown_out()
    bench.run(1_000_000)
    assert bench.results() == [(1, RADIO_FAULT)]
    assert bench.chip.sent == []


def test_the_fakes_fault_is_the_drivers():
    bench = Bench()
    bench.present = False
    with pytest.raises(RadioError):
        bench.open()
