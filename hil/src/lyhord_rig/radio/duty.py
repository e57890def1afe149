"""The regulator: airtime per transmitter and band over a sliding hour, and what breaks the band's rules.

EN 300 220-2 annex B as in `lyhord_wire.lora.BANDS`. Independent of the senders' own ledgers on purpose.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum

from lyhord_wire.lora import BANDS, band_of

HOUR_US = 3_600_000_000
_KEPT = 1000  # violations kept; all are counted


class Rule(Enum):
    DUTY_CYCLE = "duty cycle"  # value and limit in us per hour
    POWER = "power"  # in dBm ERP
    BAND = "band"  # value in Hz: no band that we may use


@dataclass(frozen=True, slots=True)
class Violation:
    transmitter: str
    at_us: int
    rule: Rule
    band: str | None
    value: float
    limit: float


class Regulator:
    """Counts every transmission when it ends; never stops one."""

    def __init__(self) -> None:
        self.worst_us: dict[str, tuple[int, str]] = {}  # band: most airtime in any hour, and whose
        self.violations: list[Violation] = []
        self.violations_counted = 0
        self._sent: dict[tuple[str, str], deque[tuple[int, int]]] = {}

    def used_us(self, transmitter: str, band: str, now_us: int) -> int:
        """Airtime in the hour before now_us; of a transmission that began earlier, the part inside."""
        since_us = now_us - HOUR_US
        sent = self._sent.get((transmitter, band), ())
        return sum(end - max(start, since_us) for start, end in sent if end > since_us)

    def record(self, transmitter: str, freq_hz: int, power_dbm: float, start_us: int, end_us: int) -> None:
        """A transmission that has ended (power_dbm as ERP: the antenna counts as a half-wave dipole)."""
        band = band_of(freq_hz)
        if band is None:
            self._violate(Violation(transmitter, end_us, Rule.BAND, None, freq_hz, 0))
            return
        _, _, budget_us, erp_dbm = BANDS[band]
        sent = self._sent.setdefault((transmitter, band), deque())
        sent.append((start_us, end_us))
        while sent[0][1] <= end_us - HOUR_US:
            sent.popleft()
        used_us = self.used_us(transmitter, band, end_us)
        if used_us > self.worst_us.get(band, (0, ""))[0]:
            self.worst_us[band] = (used_us, transmitter)
        if used_us > budget_us:
            self._violate(Violation(transmitter, end_us, Rule.DUTY_CYCLE, band, used_us, budget_us))
        if power_dbm > erp_dbm:
            self._violate(Violation(transmitter, end_us, Rule.POWER, band, power_dbm, erp_dbm))

    def _violate(self, violation: Violation) -> None:
        self.violations_counted += 1
        if len(self.violations) < _KEPT:
            self.violations.append(violation)
