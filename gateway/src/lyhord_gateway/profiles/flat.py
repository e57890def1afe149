"""A reading as one flat object of names and numbers, as most platforms take it.

{"seq": 17, "fill_level": 0.63, "temperature": 21.4, "alarms": "fire,full", "rssi": -97, "snr": 6.5}
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lyhord_gateway.model.reading import Reading, alarm_name, quantity_name
from lyhord_gateway.profiles.scale import SI, Units, scaled

Value = int | float | str | bool | None
Values = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Flat:
    """fill_scale: 1 or 100; signal: RSSI and SNR too."""

    fill_scale: int = 1
    units: Units = SI
    signal: bool = True

    def measured(self, reading: Reading) -> Values:
        """The quantities with a valid value, by name."""
        return {
            quantity_name(quantity): scaled(quantity, value, self.fill_scale, self.units)
            for quantity, value in reading.values.items()
            if value is not None
        }

    def heard(self, reading: Reading) -> Values:
        """RSSI in dBm and SNR in dB of the reception, if they are wanted and known."""
        if not self.signal or reading.rssi_dbm is None:
            return {}
        heard: Values = {"rssi": reading.rssi_dbm}
        if reading.snr_q4 is not None:
            heard["snr"] = reading.snr_q4 / 4
        return heard

    def values(self, reading: Reading) -> Values:
        """Sample number, quantities, alarms if the report spoke of them, reception."""
        values: Values = {"seq": reading.seq, **self.measured(reading)}
        if reading.alarms is not None:
            values["alarms"] = alarm_text(reading.alarms)
        return values | self.heard(reading)


def alarm_names(alarms: Sequence[int]) -> list[str]:
    """Names of the active alarms, newest first."""
    return [alarm_name(alarm) for alarm in alarms]


def alarm_text(alarms: Sequence[int]) -> str:
    """Names of the active alarms, newest first, with commas; empty if none is active."""
    return ",".join(alarm_names(alarms))


def utc(time_s: int) -> str:
    """Unix seconds as ISO 8601 in UTC, as FIWARE, NGSI-LD and Yggio write times."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
