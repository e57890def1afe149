"""Sends and receives LoRa frames with a Semtech SX1276/77/78/79 (RFM95 and its like).

The pairs of `start_…` and `poll_…` are `lora_radio`'s; here is what they mean to this chip. Sections
cited are of the SX1276 datasheet, rev 7.
"""

from micropython import const

from drivers.lora_radio import RECEIVING, RECEIVING_ONE, TIMEOUT, Packet, RadioError
from drivers.sx127x_chip import SX127xChip

_OP_MODE = const(0x01)
_FIFO_ADDR_PTR = const(0x0D)
_FIFO_RX_CURRENT = const(0x10)
_IRQ_FLAGS = const(0x12)
_RX_NB_BYTES = const(0x13)
_PKT_SNR = const(0x19)
_PKT_RSSI = const(0x1A)
_HOP_CHANNEL = const(0x1C)
_PAYLOAD_LENGTH = const(0x22)
_INVERT_IQ = const(0x33)
_INVERT_IQ_2 = const(0x3B)
_DIO_MAPPING_1 = const(0x40)

_LONG_RANGE = const(0x80)
_STANDBY = const(1)
_FS_TX = const(2)
_TX = const(3)

_RX_DONE = const(0x40)
_CRC_ERROR = const(0x20)
_TX_DONE = const(0x08)

_CRC_ON_PAYLOAD = const(0x40)
_DIO0_RX_DONE = const(0x00)
_DIO0_TX_DONE = const(0x40)

# Bit 6 inverts reception; bit 0 inverts transmission when it is *clear* (reset value 0x27: neither).
_IQ_NORMAL = const(0x27)
_IQ_RX_INVERTED = const(0x67)
_IQ_TX_INVERTED = const(0x26)
_IQ2_NORMAL = const(0x1D)
_IQ2_INVERTED = const(0x19)

_RSSI_OFFSET_HF_DBM = const(157)  # section 5.5.5; the LF port below 779 MHz has another one


class SX127x(SX127xChip):
    """One chip on `spi` (mode 0, at most 10 MHz) with `nss`, `reset` (outputs) and `dio0` (input) pins.

    The constructor resets the chip and raises RadioError when it does not answer as an SX127x.
    """

    def _load(self, data):
        self._prepare(_DIO0_TX_DONE, _IQ_TX_INVERTED)
        self._write(_PAYLOAD_LENGTH, len(data))
        self._write_fifo(data)
        self._set_mode(_FS_TX)  # locks the synthesizer

    def _transmit(self):
        self._set_mode(_TX)

    def _is_sent(self):
        if not self._read(_IRQ_FLAGS) & _TX_DONE:
            return False
        self._write(_IRQ_FLAGS, 0xFF)
        return True

    def _listen(self, symbols):
        self._prepare(_DIO0_RX_DONE, _IQ_RX_INVERTED)
        self._write(_FIFO_ADDR_PTR, 0)
        if symbols is not None:
            self._set_modem_config_2(symbols)
        self._set_mode(RECEIVING if symbols is None else RECEIVING_ONE)

    def _look(self, now_us):
        mode = self._mode
        # The mode first: a chip that ends between the two reads is seen by its flags.
        chip_mode = self._read(_OP_MODE)
        has_ended = mode == RECEIVING_ONE and chip_mode == _LONG_RANGE | _STANDBY
        if not has_ended and chip_mode != _LONG_RANGE | mode:
            raise RadioError("chip left receiving, mode 0x%02x" % chip_mode)
        flags = self._read(_IRQ_FLAGS)
        if flags & _RX_DONE:
            return self._take_packet(flags, now_us)
        if has_ended:  # RxTimeout, or a header that was broken
            self._write(_IRQ_FLAGS, 0xFF)
            return TIMEOUT
        return None

    def _take_packet(self, flags, now_us):
        end_us = self._take_stamp(now_us)
        snr_q4 = self._read(_PKT_SNR)
        if snr_q4 > 127:
            snr_q4 -= 256
        rssi_dbm = self._read(_PKT_RSSI) - _RSSI_OFFSET_HF_DBM
        if snr_q4 < 0:
            rssi_dbm += snr_q4 >> 2
        # The error flag says nothing when the header announced no CRC: then such a frame only looks whole.
        has_crc = self._read(_HOP_CHANNEL) & _CRC_ON_PAYLOAD
        crc_ok = not flags & _CRC_ERROR and (has_crc != 0 or not self._crc)
        data = memoryview(self._buffer)[: self._read(_RX_NB_BYTES)]
        self._read_fifo(self._read(_FIFO_RX_CURRENT), data)
        self._write(_IRQ_FLAGS, 0xFF)
        return Packet(bytes(data), rssi_dbm, snr_q4, end_us, crc_ok)

    def _prepare(self, dio0, iq_inverted):
        self.standby()
        if self._invert_iq:
            self._write(_INVERT_IQ, iq_inverted)
            self._write(_INVERT_IQ_2, _IQ2_INVERTED)
        else:
            self._write(_INVERT_IQ, _IQ_NORMAL)
            self._write(_INVERT_IQ_2, _IQ2_NORMAL)
        self._write(_DIO_MAPPING_1, dio0)
        self._write(_IRQ_FLAGS, 0xFF)
        self._stamp[1] = False
