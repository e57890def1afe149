"""Frames over LoRa: one uplink on a free channel, and where asked for the two windows after it.

    uplink ──TxDone── 1 s ──▶ RX1 (same channel and SF) ── 2 s ──▶ RX2 (869.525 MHz, SF12)

docs/protocol.md section 4. Every way out leaves the radio asleep.
"""

from time import sleep_ms, ticks_add, ticks_diff, ticks_us

from micropython import const

from drivers.lora_radio import TIMEOUT, RadioError
from drivers.radio import open_radio
from lyhord_node import adr, clock
from lyhord_node.ledgers import Ledgers
from lyhord_node.link import ANSWERED, NO_ANSWER, REFUSED, SENT, LinkDown, Result
from lyhord_wire.airtime import airtime_us
from lyhord_wire.codes import CHANNELS, FASTEST_SF, FAULT_RADIO, SPREADING_FACTOR, TX_POWER
from lyhord_wire.frame import max_frame
from lyhord_wire.lora import (
    BANDS,
    RX1_DELAY_US,
    RX2_DELAY_US,
    RX2_FREQ_HZ,
    RX2_SF,
    UPLINK_CHANNELS,
)

# A window opens this much before the answer is due and stays open as long after: light sleep runs
# on the RC oscillator (1 % of 2 s), and MicroPython may be some milliseconds late on either side.
_MARGIN_US = const(25_000)
_DETECT_SYMBOLS = const(8)  # of the preamble's 8 the chip needs 5 to lock on
_TUNE_US = const(15_000)  # waking up and setting the registers before a window
_AIR_MARGIN_MS = const(30)  # of the time on air that is waited for awake, to see its end
_AIR_NAP_LEAST_MS = const(100)
_ROUNDS = const(4)


class LoraLink:
    """The radio of `node.board`. Settings count as they were when the link was made."""

    always_ack = False
    fault = FAULT_RADIO
    rounds = _ROUNDS

    def __init__(self, node, selector):
        self._node = node
        self._selector = selector
        self._power = node.power
        self._slowest = node.settings[SPREADING_FACTOR]
        self._fastest = node.settings[FASTEST_SF]
        self._sf = adr.factor(selector, self._slowest, self._fastest)
        self._tx_dbm = node.settings[TX_POWER]
        self._mask = node.settings[CHANNELS]
        self._ledgers = Ledgers(node.state, node.nvs)
        self._radio = None
        self.frame_max = max_frame(self._sf)

    def has_time(self):
        """Its rounds and the duty cycle are limit enough."""
        return True

    def open(self):
        """Starts the radio; raises LinkDown when it does not answer."""
        try:
            self._radio = open_radio(self._node.board)
        except RadioError as fault:
            raise LinkDown("radio: %s" % fault)

    def close(self):
        """Puts the radio to sleep and lets it go."""
        if self._radio is not None:
            self._quietly(self._radio.close)

    def send(self, raw, accept=None):
        """SENT, ANSWERED, NO_ANSWER or REFUSED; raises LinkDown when the radio fails."""
        air_us = airtime_us(len(raw), self._sf)
        now = clock.now()
        channel, until = self._channel(now, air_us)
        if channel is None:
            return Result(REFUSED, until=until)
        freq_hz, band = channel
        self._ledgers.record(band, now, air_us)
        try:
            self._transmit(raw, freq_hz, min(self._tx_dbm, BANDS[band][3]), air_us)
            if accept is None:
                return Result(SENT)
            return self._listen(freq_hz, accept)
        except RadioError as fault:
            raise LinkDown("radio: %s" % fault)
        finally:
            self._quietly(self._radio.sleep)

    def _quietly(self, put_to_sleep):
        try:
            put_to_sleep()
        except RadioError as fault:  # what failed before has said so; this one must not hide it
            print("radio:", fault)

    def _channel(self, now, air_us):
        """(channel drawn from those that are allowed and free, None), or (None, when one will be)."""
        free = []
        until = None
        for i in range(len(UPLINK_CHANNELS)):
            if not self._mask >> i & 1:
                continue
            fit = self._ledgers.next_fit(UPLINK_CHANNELS[i][1], now, air_us)
            if fit == now:
                free.append(UPLINK_CHANNELS[i])
            elif fit is not None and (until is None or fit < until):
                until = fit
        return (free[self._node.random(len(free))], None) if free else (None, until)

    def _transmit(self, raw, freq_hz, tx_dbm, air_us):
        self._radio.configure(freq_hz, self._sf, power_dbm=tx_dbm)
        self._radio.start_send(raw)
        nap_ms = air_us // 1000 - _AIR_MARGIN_MS
        if nap_ms >= _AIR_NAP_LEAST_MS:
            self._power.nap_ms(nap_ms - nap_ms // 32)  # the RC oscillator may be slow
        while not self._radio.poll_send():
            sleep_ms(1)

    def _listen(self, freq_hz, accept):
        sent_us = self._radio.sent_us
        snr_q4 = None
        result = self._window(freq_hz, self._sf, ticks_add(sent_us, RX1_DELAY_US), accept)
        if result is None:
            result = self._window(RX2_FREQ_HZ, RX2_SF, ticks_add(sent_us, RX2_DELAY_US), accept)
        else:
            snr_q4 = result.snr_q4
        if result is None:
            return Result(NO_ANSWER)
        adr.answered(self._selector, self._sf, self._slowest, self._fastest, self._tx_dbm, snr_q4)
        # A gateway answers, and looks at its clock, as soon as it has the uplink.
        result.waited_ms = ticks_diff(ticks_us(), sent_us) // 1000
        return result

    def _window(self, freq_hz, sf, opens_us, accept):
        """The Result of a window in which an answer came that `accept` took, else None."""
        begin_us = ticks_add(opens_us, -_MARGIN_US)
        wait_us = ticks_diff(begin_us, ticks_us()) - _TUNE_US
        if wait_us < -_TUNE_US - _MARGIN_US:
            return None  # a long frame of somebody else filled the first window and more
        if wait_us > 0:
            self._power.nap_ms(wait_us // 1000)
        radio = self._radio
        radio.configure(freq_hz, sf, invert_iq=True, crc=False)
        while ticks_diff(begin_us, ticks_us()) > 1000:
            sleep_ms(1)
        symbol_us = 8 << sf  # 2^SF / 125 kHz
        radio.start_receive(2 * _MARGIN_US // symbol_us + 1 + _DETECT_SYMBOLS)
        packet = radio.poll_receive()
        while packet is None:
            sleep_ms(radio.rest_ms())
            packet = radio.poll_receive()
        radio.standby()
        if packet is TIMEOUT or not packet.crc_ok:
            return None
        downlink = accept(packet.data)
        if downlink is None:
            return None
        return Result(ANSWERED, downlink, rssi_dbm=packet.rssi_dbm, snr_q4=packet.snr_q4)
