"""Registers of the SX1276: addresses, values after reset, and what they mean together.

Semtech SX1276/77/78/79 datasheet rev 7, section 4.4 and table 41; RegInvertIQ as chips behave, which is the
opposite of the datasheet's word for bit 0 (set: transmission not inverted).
"""

from __future__ import annotations

from enum import IntEnum, IntFlag

from .model import Modulation

FIFO = 0x00
OP_MODE = 0x01
FRF_MSB, FRF_MID, FRF_LSB = 0x06, 0x07, 0x08
PA_CONFIG = 0x09
PA_RAMP = 0x0A
OCP = 0x0B
LNA = 0x0C
FIFO_ADDR_PTR = 0x0D
FIFO_TX_BASE = 0x0E
FIFO_RX_BASE = 0x0F
FIFO_RX_CURRENT = 0x10
IRQ_FLAGS_MASK = 0x11
IRQ_FLAGS = 0x12
RX_NB_BYTES = 0x13
HEADER_COUNT_MSB, HEADER_COUNT_LSB = 0x14, 0x15
PACKET_COUNT_MSB, PACKET_COUNT_LSB = 0x16, 0x17
MODEM_STAT = 0x18
PKT_SNR = 0x19
PKT_RSSI = 0x1A
RSSI = 0x1B
HOP_CHANNEL = 0x1C
MODEM_CONFIG_1 = 0x1D
MODEM_CONFIG_2 = 0x1E
SYMB_TIMEOUT_LSB = 0x1F
PREAMBLE_MSB, PREAMBLE_LSB = 0x20, 0x21
PAYLOAD_LENGTH = 0x22
MAX_PAYLOAD_LENGTH = 0x23
HOP_PERIOD = 0x24
FIFO_RX_BYTE_ADDR = 0x25
MODEM_CONFIG_3 = 0x26
PPM_CORRECTION = 0x27
IF_FREQ_1, IF_FREQ_2 = 0x2F, 0x30
DETECT_OPTIMIZE = 0x31
INVERT_IQ = 0x33
HIGH_BW_OPTIMIZE_1, HIGH_BW_OPTIMIZE_2 = 0x36, 0x3A
DETECTION_THRESHOLD = 0x37
SYNC_WORD = 0x39
INVERT_IQ_2 = 0x3B
IMAGE_CAL = 0x3B  # the same address in FSK mode
DIO_MAPPING_1, DIO_MAPPING_2 = 0x40, 0x41
VERSION = 0x42
TCXO = 0x4B
PA_DAC = 0x4D
COUNT = 0x80

LONG_RANGE = 0x80
LOW_FREQUENCY = 0x08
HF_OFFSET_DBM = -157  # section 5.5.5, above 779 MHz

RESET_VALUES = {
    OP_MODE: 0x09,  # FSK, low frequency, standby
    FRF_MSB: 0x6C,
    FRF_MID: 0x80,
    PA_CONFIG: 0x4F,
    PA_RAMP: 0x09,
    OCP: 0x2B,
    LNA: 0x20,
    FIFO_TX_BASE: 0x80,
    MODEM_CONFIG_1: 0x72,
    MODEM_CONFIG_2: 0x70,
    SYMB_TIMEOUT_LSB: 0x64,
    PREAMBLE_LSB: 0x08,
    PAYLOAD_LENGTH: 0x01,
    MAX_PAYLOAD_LENGTH: 0xFF,
    IF_FREQ_1: 0x20,
    DETECT_OPTIMIZE: 0xC3,
    INVERT_IQ: 0x27,
    HIGH_BW_OPTIMIZE_1: 0x03,
    DETECTION_THRESHOLD: 0x0A,
    SYNC_WORD: 0x12,
    INVERT_IQ_2: 0x1D,
    VERSION: 0x12,
    TCXO: 0x09,
    PA_DAC: 0x84,
}

READ_ONLY = {
    FIFO_RX_CURRENT,
    RX_NB_BYTES,
    HEADER_COUNT_MSB,
    HEADER_COUNT_LSB,
    PACKET_COUNT_MSB,
    PACKET_COUNT_LSB,
    MODEM_STAT,
    PKT_SNR,
    PKT_RSSI,
    RSSI,
    HOP_CHANNEL,
    FIFO_RX_BYTE_ADDR,
    VERSION,
}

# What the modem takes over when it begins to send or listen; to be written in sleep or standby.
MODEM = {
    FRF_MSB,
    FRF_MID,
    FRF_LSB,
    PA_CONFIG,
    FIFO_TX_BASE,
    FIFO_RX_BASE,
    MODEM_CONFIG_1,
    MODEM_CONFIG_2,
    SYMB_TIMEOUT_LSB,
    PREAMBLE_MSB,
    PREAMBLE_LSB,
    PAYLOAD_LENGTH,
    MODEM_CONFIG_3,
    DETECT_OPTIMIZE,
    INVERT_IQ,
    DETECTION_THRESHOLD,
    SYNC_WORD,
    INVERT_IQ_2,
    PA_DAC,
}

KNOWN = (
    set(RESET_VALUES)
    | READ_ONLY
    | MODEM
    | {FIFO, FIFO_ADDR_PTR, IRQ_FLAGS_MASK, IRQ_FLAGS, HOP_PERIOD, PPM_CORRECTION}
    | {IF_FREQ_2, HIGH_BW_OPTIMIZE_2, DIO_MAPPING_1, DIO_MAPPING_2}
)

_BANDWIDTH_KHZ = {7: 125, 8: 250, 9: 500}


class Mode(IntEnum):
    SLEEP = 0
    STANDBY = 1
    FS_TX = 2
    TX = 3
    FS_RX = 4
    RX_CONTINUOUS = 5
    RX_SINGLE = 6
    CAD = 7


class Irq(IntFlag):
    CAD_DETECTED = 0x01
    FHSS_CHANGE = 0x02
    CAD_DONE = 0x04
    TX_DONE = 0x08
    VALID_HEADER = 0x10
    CRC_ERROR = 0x20
    RX_DONE = 0x40
    RX_TIMEOUT = 0x80


# By the two bits of RegDioMapping1 (table 18)
DIO0 = (Irq.RX_DONE, Irq.TX_DONE, Irq.CAD_DONE, Irq(0))
DIO1 = (Irq.RX_TIMEOUT, Irq.FHSS_CHANGE, Irq.CAD_DETECTED, Irq(0))


class Unusable(Exception):
    """Registers with which the chip sends and hears nothing that we know of; the message says why."""


class Registers:
    """The register file, without its side effects. `doubts` gathers misuses that go through all the same."""

    def __init__(self) -> None:
        self.values = bytearray(COUNT)
        self.reset()

    def reset(self) -> None:
        self.values[:] = bytes(COUNT)
        for address, value in RESET_VALUES.items():
            self.values[address] = value

    def __getitem__(self, address: int) -> int:
        return self.values[address]

    def __setitem__(self, address: int, value: int) -> None:
        self.values[address] = value & 0xFF

    @property
    def freq_hz(self) -> int:
        steps = self[FRF_MSB] << 16 | self[FRF_MID] << 8 | self[FRF_LSB]
        return (steps * 32_000_000 + (1 << 18)) >> 19

    @property
    def symbol_timeout(self) -> int:
        return (self[MODEM_CONFIG_2] & 3) << 8 | self[SYMB_TIMEOUT_LSB]

    def modulation(self, sending: bool, doubts: list[str]) -> Modulation:
        """The modulation that the registers describe. Raises Unusable."""
        bandwidth_khz = _BANDWIDTH_KHZ.get(self[MODEM_CONFIG_1] >> 4)
        sf = self[MODEM_CONFIG_2] >> 4
        coding_rate = 4 + (self[MODEM_CONFIG_1] >> 1 & 7)
        if bandwidth_khz is None:
            raise Unusable(f"bandwidth code {self[MODEM_CONFIG_1] >> 4}")
        if not 7 <= sf <= 12:
            raise Unusable(f"spreading factor {sf}")
        if not 5 <= coding_rate <= 8:
            raise Unusable(f"coding rate 4/{coding_rate}")
        if self[MODEM_CONFIG_1] & 1:
            raise Unusable("implicit header")
        if not sending and (self[DETECT_OPTIMIZE] & 7 != 3 or self[DETECTION_THRESHOLD] != 0x0A):
            raise Unusable("detection registers are not those of SF7 to SF12")
        preamble = self[PREAMBLE_MSB] << 8 | self[PREAMBLE_LSB]
        if preamble < 6:
            raise Unusable(f"preamble of {preamble} symbols")
        inverted = self[INVERT_IQ] & 0x01 == 0 if sending else self[INVERT_IQ] & 0x40 != 0
        if self[INVERT_IQ_2] != (0x19 if inverted else 0x1D):
            doubts.append(f"InvertIQ 0x{self[INVERT_IQ]:02x} with InvertIQ2 0x{self[INVERT_IQ_2]:02x}")
        modulation = Modulation(
            self.freq_hz,
            sf,
            bandwidth_khz,
            coding_rate,
            preamble,
            self[SYNC_WORD],
            inverted,
            self[MODEM_CONFIG_2] & 0x04 != 0,
            self[MODEM_CONFIG_3] & 0x08 != 0,
        )
        if modulation.low_data_rate != (modulation.symbol_us >= 16_000):
            doubts.append(f"LowDataRateOptimize {modulation.low_data_rate} at SF{sf}, {bandwidth_khz} kHz")
        return modulation

    def power_dbm(self, doubts: list[str]) -> float:
        """Power at the PA's pin, section 3.4.2 and 3.4.3."""
        output = self[PA_CONFIG] & 0x0F
        if not self[PA_CONFIG] & 0x80:
            return 10.8 + 0.6 * (self[PA_CONFIG] >> 4 & 7) - (15 - output)
        if self[PA_DAC] not in (0x84, 0x87):
            doubts.append(f"PaDac 0x{self[PA_DAC]:02x}")
        if self[PA_DAC] != 0x87:
            return 2 + output
        if output == 15 and self[OCP] & 0x20 and self._current_limit_ma() < 120:
            doubts.append(f"over-current protection at {self._current_limit_ma()} mA with 20 dBm")
            return 17
        return 5 + output

    def _current_limit_ma(self) -> int:
        trim = self[OCP] & 0x1F
        if trim <= 15:
            return 45 + 5 * trim
        return -30 + 10 * trim if trim <= 27 else 240
