"""The time at which a radio may answer: RX1 while the duty cycle and the time allow it, else RX2.

docs/protocol.md section 4. Time is an argument; a refusal is a value.
"""

from dataclasses import dataclass
from enum import Enum

from msgspec import Struct

from lyhord_wire.airtime import airtime_us
from lyhord_wire.duty import Ledger
from lyhord_wire.frame import max_frame
from lyhord_wire.lora import BANDS, RX1_DELAY_US, RX2_DELAY_US, RX2_FREQ_HZ, RX2_SF, band_of

LEAD_US = 100_000  # serial line, bridge's queue and radio set-up: a request must be there that much earlier
_TMST = 1 << 32
_ENTRIES = 256
_PACKED_BAND = 2  # bytes in front of each packed ledger: its length


class Refusal(Enum):
    """The reasons why an answer is not sent; the values are counter names."""

    LATE = "late"  # both windows have passed, or are too near
    DUTY = "duty"  # it fits into neither band's budget
    BUSY = "busy"  # the radio sends something else in both windows
    SIZE = "size"  # longer than a frame may be at the spreading factors of both windows


@dataclass(frozen=True, slots=True)
class Plan:
    """One transmission. tmst_us: 32-bit clock of the radio that heard the uplink; window: 1 or 2."""

    window: int
    tmst_us: int
    freq_hz: int
    sf: int
    power_dbm: int


class Heard(Struct, frozen=True):
    """The uplink to be answered. tmst_us: the radio's clock at its end; heard_us: our monotonic clock."""

    tmst_us: int
    heard_us: int
    freq_hz: int
    sf: int


class Scheduler:
    """The transmit times of one radio, with one duty-cycle ledger per band."""

    def __init__(self, power_dbm: int) -> None:
        self._power_dbm = power_dbm
        self._ledgers = {name: Ledger(budget, entries=_ENTRIES) for name, (_, _, budget, _) in BANDS.items()}
        self._taken: list[tuple[int, int]] = []  # (start, end) of planned transmissions, our clock

    def plan(self, now_us: int, heard: Heard, size: int) -> Plan | Refusal:
        """A plan for `size` bytes, entered into the ledger, or the reason why the last window fails."""
        refusal = Refusal.LATE
        self._taken = [span for span in self._taken if span[1] > now_us]
        for window, delay_us, freq_hz, sf in (
            (1, RX1_DELAY_US, heard.freq_hz, heard.sf),
            (2, RX2_DELAY_US, RX2_FREQ_HZ, RX2_SF),
        ):
            start_us = heard.heard_us + delay_us
            outcome = self._fits(now_us, start_us, freq_hz, sf, size)
            if isinstance(outcome, Refusal):
                refusal = outcome
                continue
            band, airtime = outcome
            self._ledgers[band].record(start_us, airtime)
            self._taken.append((start_us, start_us + airtime))
            power_dbm = min(self._power_dbm, BANDS[band][3])
            return Plan(window, (heard.tmst_us + delay_us) % _TMST, freq_hz, sf, power_dbm)
        return refusal

    def _fits(
        self, now_us: int, start_us: int, freq_hz: int, sf: int, size: int
    ) -> tuple[str, int] | Refusal:
        """Band and airtime of a transmission that is allowed."""
        band = band_of(freq_hz)
        if band is None:
            return Refusal.DUTY
        if size > max_frame(sf):
            return Refusal.SIZE
        if start_us - now_us < LEAD_US:
            return Refusal.LATE
        airtime = airtime_us(size, sf, crc=False)
        if any(start < start_us + airtime and start_us < end for start, end in self._taken):
            return Refusal.BUSY
        if self._ledgers[band].next_fit(start_us, airtime) != start_us:
            return Refusal.DUTY
        return band, airtime

    def pack(self, now_us: int) -> bytes:
        """The ledgers as bytes, for a restart within the hour."""
        packed = b""
        for name in sorted(self._ledgers):
            ledger = self._ledgers[name].pack(now_us)
            packed += len(ledger).to_bytes(_PACKED_BAND, "big") + ledger
        return packed

    def unpack(self, data: bytes, now_us: int) -> None:
        """Takes over packed ledgers as if no time had passed since: that errs towards silence."""
        for name in sorted(self._ledgers):
            end = _PACKED_BAND + int.from_bytes(data[:_PACKED_BAND], "big")
            self._ledgers[name].unpack(data[_PACKED_BAND:end], now_us)
            data = data[end:]
