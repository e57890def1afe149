"""A gateway for one node's tests: eight channels in the ether, the node's key, answers in RX1 or RX2.

It keeps what a real one would keep: every sample by number, the counters that were used, abouts, status.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from lyhord_rig.radio.model import Modulation
from lyhord_wire import frame, instructions
from lyhord_wire.about import decode_about
from lyhord_wire.lora import RX1_DELAY_US, RX2_DELAY_US, RX2_FREQ_HZ, RX2_SF, UPLINK_CHANNELS
from lyhord_wire.report import decode_report

GATEWAY_NUMBER = 7


class Cipher:
    """AES-CCM of `cryptography` as lyhord_wire takes it."""

    def __init__(self, key):
        self._ccm = AESCCM(key, tag_length=8)

    def seal(self, nonce, plaintext, aad):
        return self._ccm.encrypt(nonce, plaintext, aad)

    def open(self, nonce, sealed, aad):
        try:
            return self._ccm.decrypt(nonce, sealed, aad)
        except InvalidTag:
            return None


class Heard:
    """Stores what a node says and decides what to answer. The link's side is in the classes below."""

    def __init__(self, world, key):
        self.world = world
        self.cipher = Cipher(key)
        self.frames = []  # opened uplinks, repetitions included
        self.samples = {}  # number → (Unix seconds, values)
        self.twice = 0  # samples that came in more than one frame
        self.payloads = {}  # counter → raw frame: a counter must never carry two contents
        self.reports = []
        self.abouts = []
        self.statuses = []
        self.silent = False  # hears and stores, but does not answer
        self.tell_time = True
        self.fast_s = 0  # its clock
        self.orders = []  # instruction maps to be told, one per answer
        self.given_up = 0  # sample numbers that the node does not have any more
        self._counter = 0

    def time(self):
        return self.world.unix_us() // 1_000_000 + self.fast_s

    def stored(self):
        number = self.given_up
        while number in self.samples:
            number += 1
        return number

    def hear(self, raw):
        """The opened uplink."""
        uplink = frame.open_uplink(frame.parse_uplink(raw), self.cipher)
        assert self.payloads.setdefault(uplink.counter, raw) == raw, f"counter {uplink.counter} used twice"
        repeated = any(other.counter == uplink.counter for other in self.frames)
        self.frames.append(uplink)
        if repeated:
            return uplink
        if uplink.kind == frame.KIND_ABOUT:
            self.abouts.append(decode_about(uplink.payload))
            return uplink
        report = decode_report(uplink.payload)
        self.reports.append(report)
        if report.status:
            self.statuses.append(report.status)
            self.given_up = max(self.given_up, report.status.get(10, 0))
        now = self.time()
        for sample in report.samples():
            time = now - sample.age if sample.time is None else sample.time
            if sample.seq in self.samples:
                self.twice += 1
                assert self.samples[sample.seq][1] == sample.values, f"sample {sample.seq} has two contents"
            self.samples.setdefault(sample.seq, (time, sample.values))
        return uplink

    def answer(self, uplink):
        """The raw downlink, or None."""
        if self.silent or not uplink.ack_requested:
            return None
        self._counter += 1
        told = self.orders.pop(0) if self.orders else {}
        if self.tell_time:
            told[instructions.TIME] = self.time()
        told[instructions.STORED] = self.stored()
        expected = range(self.stored(), max(self.samples, default=0))
        missing = [number for number in expected if number not in self.samples]
        if missing:
            count = 1
            while missing[0] + count in missing:
                count += 1
            told[instructions.AGAIN] = [missing[0], count]
        return frame.seal_downlink(
            self.cipher,
            uplink.node,
            GATEWAY_NUMBER,
            self._counter,
            uplink.counter,
            instructions.encode_instructions(told),
            uplink.generation,
            bool(self.orders),
        )


class LoraGateway(Heard):
    """Hears with one antenna, answers with another one beside it (a concentrator's two halves)."""

    def __init__(self, world, ether, key, position_m=(0, 0)):
        super().__init__(world, key)
        self._ear = ether.attach(position_m, "gateway ear")
        self._mouth = ether.attach((position_m[0] + 1, position_m[1]), "gateway mouth")
        self._ear.listen(
            [Modulation(freq_hz, sf) for freq_hz, _ in UPLINK_CHANNELS for sf in range(7, 13)], self, 8
        )
        self.deaf = False
        self.answered = 0
        self.use_rx2 = False
        self.late_us = 0  # a real transmitter is some milliseconds off

    def preamble_detected(self):
        """Part of the ether's receiver interface."""

    def header_received(self, modulation):
        """Part of the ether's receiver interface."""

    def frame_dropped(self):
        """Part of the ether's receiver interface."""

    def frame_received(self, reception):
        if self.deaf or not reception.intact:
            return
        uplink = self.hear(reception.data)
        raw = self.answer(uplink)
        if raw is None:
            return
        heard = reception.transmission.modulation
        if self.use_rx2:
            tuning = Modulation(RX2_FREQ_HZ, RX2_SF, inverted=True, crc=False)
            at_us = reception.end_us + RX2_DELAY_US
        else:
            tuning = Modulation(heard.freq_hz, heard.sf, inverted=True, crc=False)
            at_us = reception.end_us + RX1_DELAY_US
        self.answered += 1
        self.world.call_at(at_us + self.late_us, self._mouth.transmit, tuning, 14.0, raw)
