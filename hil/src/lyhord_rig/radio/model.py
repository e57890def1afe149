"""The physics of LoRa: modulation, path loss, sensitivity, and the events that the ether tells.

Sources: M. Bor, U. Roedig, T. Voigt, J. Alonso, "Do LoRa Low-Power Wide-Area Networks Scale?", MSWiM'16,
doi 10.1145/2988287.2989163 (path loss, sensitivities, capture); Semtech SX1276 datasheet rev 7.
The simulator published with that paper took the natural logarithm in the path loss; here it is log10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from lyhord_wire import lora
from lyhord_wire.airtime import airtime_us, low_data_rate

NOISE_FIGURE_DB = 6
CAPTURE_DB = 6.0  # a frame survives an interferer that is weaker by at least this much
DETECT_SYMBOLS = 5  # preamble symbols that a demodulator needs, and that must be undisturbed

# Measured with SX1272 chips by Bor et al., table of section 3: dBm at SF7…SF12.
_SENSITIVITY_DBM = {
    125: (-126.5, -127.25, -131.25, -132.75, -134.5, -133.25),
    250: (-124.25, -126.75, -128.25, -130.25, -132.75, -132.25),
    500: (-120.75, -124.0, -127.5, -128.75, -128.75, -132.25),
}


class Loss(Enum):
    """The reason why a receiver that was listening or sending did not get a frame."""

    TUNING = "tuning"  # listened on another frequency, spreading factor or bandwidth
    POLARITY = "polarity"  # IQ inverted against the frame: uplinks among nodes
    SYNC_WORD = "sync word"
    LOW_DATA_RATE = "low data rate"  # LowDataRateOptimize set differently
    HALF_DUPLEX = "half duplex"  # was sending, or began to send, and listens for such frames otherwise
    LATE = "late"  # began to listen when fewer than 5 preamble symbols were left
    LEFT = "left"  # stopped listening before the end
    WEAK = "weak"
    CHANCE = "chance"  # the seeded extra loss
    BUSY = "busy"  # every demodulator was on another frame
    COLLISION = "collision"
    CUT = "cut"  # the transmitter stopped before the end


@dataclass(frozen=True, slots=True)
class Modulation:
    """The modulation of a frame or of a receiver (coding rate, preamble, CRC come with the frame).

    freq_hz; sf 7…12; bandwidth_khz 125, 250, 500; coding_rate 5…8 for 4/5…4/8; preamble in symbols;
    inverted: IQ; low_data_rate: LowDataRateOptimize, None for what the symbol time asks for.
    """

    freq_hz: int
    sf: int
    bandwidth_khz: int = 125
    coding_rate: int = 5
    preamble: int = 8
    sync_word: int = lora.SYNC_WORD
    inverted: bool = False
    crc: bool = True
    low_data_rate: bool | None = None

    def __post_init__(self) -> None:
        if self.bandwidth_khz not in _SENSITIVITY_DBM:
            raise ValueError(f"bandwidth_khz {self.bandwidth_khz}")
        if not 7 <= self.sf <= 12:
            raise ValueError(f"sf {self.sf}")
        if self.low_data_rate is None:
            object.__setattr__(self, "low_data_rate", low_data_rate(self.sf, self.bandwidth_khz))

    @property
    def symbol_us(self) -> int:
        return (1 << self.sf) * 1000 // self.bandwidth_khz

    def airtime_us(self, size: int) -> int:
        return airtime_us(size, self.sf, self.crc, self.bandwidth_khz, self.preamble, self.coding_rate)

    def near(self, other: Modulation) -> bool:
        """Same spreading factor and bandwidth, at less than a quarter of the bandwidth from each other.

        30 kHz at 125 kHz: where Bor et al. let frames collide, and where a receiver still demodulates
        (datasheet section 4.1.5: a frequency error of a quarter of the bandwidth).
        """
        return (
            self.sf == other.sf
            and self.bandwidth_khz == other.bandwidth_khz
            and abs(self.freq_hz - other.freq_hz) <= self.bandwidth_khz * 240
        )

    def interferes(self, other: Modulation) -> bool:
        """Spreading factors, and chirps of opposite direction, count as orthogonal."""
        return self.inverted == other.inverted and self.near(other)

    def mismatch(self, frame: Modulation) -> Loss | None:
        """The reason why a receiver tuned to this does not get such a frame."""
        if not self.near(frame):
            return Loss.TUNING
        if self.inverted != frame.inverted:
            return Loss.POLARITY
        if self.sync_word != frame.sync_word:
            return Loss.SYNC_WORD
        return None if self.low_data_rate == frame.low_data_rate else Loss.LOW_DATA_RATE


@dataclass(frozen=True, slots=True)
class PathLoss:
    """Log-distance: reference_db + 10 · exponent · log10(distance / reference_m) + shadowing.

    Reference and exponent are those that Bor et al. measured in a built-up area. shadowing_db: the standard
    deviation of lognormal shadowing (3.57 dB as in FLoRa's version of this model), drawn once per pair of
    antennas and cut at two of them.
    """

    reference_db: float = 127.41
    reference_m: float = 40.0
    exponent: float = 2.08
    shadowing_db: float = 3.57

    def mean_db(self, distance_m: float) -> float:
        return self.reference_db + 10 * self.exponent * math.log10(max(distance_m, 1.0) / self.reference_m)


STREET = PathLoss()


def noise_floor_dbm(bandwidth_khz: int = 125) -> float:
    """Thermal noise at 290 K in the bandwidth, plus the receiver's noise figure: −117.0 dBm at 125 kHz."""
    return -174 + 10 * math.log10(bandwidth_khz * 1000) + NOISE_FIGURE_DB


def snr_floor_db(sf: int) -> float:
    """Lowest demodulable SNR: −7.5 dB at SF7 … −20 dB at SF12 (datasheet table 13)."""
    return -7.5 - 2.5 * (sf - 7)


def sensitivity_dbm(sf: int, bandwidth_khz: int = 125) -> float:
    """Weakest signal that is received: both the measured sensitivity and the SNR floor must be met."""
    measured = _SENSITIVITY_DBM[bandwidth_khz][sf - 7]
    return round(max(measured, noise_floor_dbm(bandwidth_khz) + snr_floor_db(sf)), 2)


@dataclass(frozen=True, slots=True)
class Transmission:
    """One frame on the air. number counts the sender's frames from 0; end_us is its end if it is not cut."""

    transmitter: str
    number: int
    start_us: int
    end_us: int
    modulation: Modulation
    power_dbm: float
    data: bytes

    @property
    def airtime_us(self) -> int:
        return self.end_us - self.start_us


@dataclass(frozen=True, slots=True)
class Reception:
    """A frame at an antenna. If not `intact`, `data` is damaged; a chip sees that only by the CRC."""

    transmission: Transmission
    receiver: str
    end_us: int
    rssi_dbm: float
    snr_db: float
    data: bytes
    intact: bool


@dataclass(frozen=True, slots=True)
class Lost:
    """A frame that somebody who was listening or sending did not get."""

    transmission: Transmission
    receiver: str
    at_us: int
    reason: Loss


Event = Transmission | Reception | Lost
