"""Sends and receives LoRa frames with a Semtech SX1262.

The pairs of `start_…` and `poll_…` are `lora_radio`'s; here is what they mean to this chip. Sections
cited are of the SX1261/62 datasheet, rev 2.1.

The window of a single reception is the 24-bit timer of SetRx, stopped by the preamble, and not
SetLoRaSymbNumTimeout: that one counts to 248 symbols only, in steps, and windows here are up to 1023. A timer
that noise has stopped is the price: then the missing header ends the window (`_look`).
"""

from time import ticks_add, ticks_diff, ticks_us

from micropython import const

from drivers.lora_radio import RECEIVING_ONE, TIMEOUT, Packet, RadioError
from drivers.sx126x_chip import SX126xChip

_CLEAR_IRQ = const(0x02)
_SET_DIO_IRQ = const(0x08)
_WRITE_BUFFER = const(0x0E)
_READ_BUFFER = const(0x1E)
_GET_RX_BUFFER_STATUS = const(0x13)
_GET_PACKET_STATUS = const(0x14)
_SET_RX = const(0x82)
_SET_TX = const(0x83)
_SET_PACKET_PARAMS = const(0x8C)
_SET_FS = const(0xC1)

_XOSC = const(1)
_RX_WITHOUT_END = const(0xFFFFFF)

_IQ_POLARITY = const(0x0736)
_HEADER_CRC = const(0x076B)
_TX_MODULATION = const(0x0889)
_RX_GAIN = const(0x08AC)

_TX_DONE = const(0x001)
_RX_DONE = const(0x002)
_PREAMBLE = const(0x004)
_HEADER_VALID = const(0x010)
_HEADER_ERROR = const(0x020)
_CRC_ERROR = const(0x040)
_TIMEOUT = const(0x200)
_RX_FLAGS = const(0x276)  # all of these but TxDone

_MODE_RX = const(5)
_CRC_ON = const(0x10)
_RX_BOOSTED = const(0x96)  # 2 dB more for 0.7 mA: windows are short
_MAX_PAYLOAD = const(255)
_HEADER_SYMBOLS = const(13)  # 4.25 of sync word, 8 of header
_HEADER_MARGIN_US = const(5_000)


class SX126x(SX126xChip):
    """One SX1262 on `spi` (mode 0, at most 16 MHz): `nss`, `reset` (outputs), `busy` and `dio1` (inputs).

    tcxo_mv: what the chip feeds to a TCXO through DIO3 (1600, 1700, 1800, 2200, 2400, 2700, 3000 or 3300),
    None for a crystal. dio2_switch: DIO2 drives the antenna switch. The constructor resets the chip and
    raises RadioError when it does not answer as an SX126x.
    """

    def _load(self, data):
        self._prepare(len(data), _TX_DONE, _TX_DONE)
        # Section 15.1: this bit is clear at 500 kHz only; a warm start forgets it.
        self._set_register(_TX_MODULATION, self._get_register(_TX_MODULATION) | 0x04)
        self._write(bytes((_WRITE_BUFFER, 0)), data)
        self._write(bytes((_SET_FS,)))  # locks the synthesizer

    def _transmit(self):
        self._set(_SET_TX, 0, 3)  # no timeout of its own: poll_send has one

    def _is_sent(self):
        flags = self._irq_flags()
        if not flags & _TX_DONE:
            return False
        self._clear(flags)
        return True

    def _listen(self, symbols):
        # While it listens on, a broken header must not raise DIO1: the stamp would be of the wrong frame.
        pin_flags = _RX_DONE if symbols is None else _RX_DONE | _TIMEOUT | _HEADER_ERROR
        self._prepare(_MAX_PAYLOAD, _RX_FLAGS, pin_flags)
        self._set_register(_RX_GAIN, _RX_BOOSTED)
        if symbols is None:
            self._set(_SET_RX, _RX_WITHOUT_END, 3)
            return
        self._set(_SET_RX, symbols * (512 << self._sf) // 1000, 3)  # steps of 15.625 us
        header_us = (symbols + self._preamble + _HEADER_SYMBOLS) * (8 << self._sf)
        self._header_until_us = ticks_add(ticks_us(), header_us + _HEADER_MARGIN_US)

    def _look(self, now_us):
        is_single = self._mode == RECEIVING_ONE
        flags = self._irq_flags()
        if not flags & (_RX_DONE | _TIMEOUT | _HEADER_ERROR) and self._status[0] >> 4 & 7 != _MODE_RX:
            flags = self._irq_flags()  # it may just have ended
            if not flags & (_RX_DONE | _TIMEOUT | _HEADER_ERROR):
                raise RadioError("chip left receiving, status 0x%02x" % self._status[0])
        if flags & _RX_DONE:
            return self._take_packet(flags, now_us)
        if flags & _TIMEOUT or (is_single and flags & _HEADER_ERROR):
            self.standby()
            return TIMEOUT
        if flags & _HEADER_ERROR:
            self._clear(flags)
        elif (
            is_single
            and flags & (_PREAMBLE | _HEADER_VALID) == _PREAMBLE
            and ticks_diff(now_us, self._header_until_us) > 0
        ):
            self.standby()  # what looked like a preamble was none, and has stopped the timer
            return TIMEOUT
        return None

    def _take_packet(self, flags, now_us):
        end_us = self._take_stamp(now_us)
        where = self._get(_GET_RX_BUFFER_STATUS, 3)
        levels = self._get(_GET_PACKET_STATUS, 4)
        snr_q4 = levels[2] - 256 if levels[2] > 127 else levels[2]
        rssi_dbm = -(levels[3] >> 1)  # the signal's own; the other one has the noise in it
        # The error flag says nothing when the header announced no CRC: then such a frame only looks whole.
        has_crc = self._get_register(_HEADER_CRC) & _CRC_ON
        crc_ok = not flags & _CRC_ERROR and (has_crc != 0 or not self._crc)
        data = memoryview(self._buffer)[: where[1]]
        self._read(bytes((_READ_BUFFER, where[2], 0)), data)
        self._clear(flags)
        return Packet(bytes(data), rssi_dbm, snr_q4, end_us, crc_ok)

    def _prepare(self, size, flags, pin_flags):
        self._idle(_XOSC)
        inverted = 1 if self._invert_iq else 0
        crc = 1 if self._crc else 0
        self._set(_SET_PACKET_PARAMS, self._preamble << 32 | size << 16 | crc << 8 | inverted, 6)
        # Section 15.4: this bit is the wrong way round for inverted frames, and a warm start forgets it.
        polarity = self._get_register(_IQ_POLARITY)
        self._set_register(_IQ_POLARITY, polarity & ~0x04 if inverted else polarity | 0x04)
        self._set(_SET_DIO_IRQ, flags << 48 | pin_flags << 32, 8)
        self._clear(0xFFFF)
        self._stamp[1] = False

    def _clear(self, flags):
        self._set(_CLEAR_IRQ, flags, 2)
