"""A reading as one flat object of names and numbers, as most platforms take it.

{"seq": 17, "fill_level": 0.63, "temperature": 21.4, "alarms": "fire,full", "rssi": -97, "snr": 6.5}
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from lyhord_gateway.model.reading import NodeFacts, Reading, alarm_name, quantity_name
from lyhord_gateway.profiles.scale import SI, Units, fraction, is_boolean, scaled
from lyhord_wire.tables import BATTERY, FAULTS, STATUS, STATUS_BATTERY, STATUS_FAULTS

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
            quantity_name(quantity): value == 1
            if is_boolean(quantity)
            else scaled(quantity, value, self.fill_scale, self.units)
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


_STATUS_NAMES = MappingProxyType({STATUS_BATTERY: "node_battery"})  # `battery` is a quantity, with a time


def about_node(facts: NodeFacts, units: Units = SI) -> Values:
    """The state of the node itself: in service or not, firmware, and what its last status says. A fault
    and an alarm are told in one way: names with commas, empty if there is none."""
    told: Values = {"in_service": facts.enabled}
    if facts.version is not None:
        told["firmware"] = facts.version
    for key, value in facts.status:
        row = STATUS[key]
        if key == STATUS_FAULTS:
            told[row.name] = ",".join(fault_names(value))
        elif key == STATUS_BATTERY:
            told[_STATUS_NAMES[key]] = scaled(BATTERY, value, 1, units)
        else:
            told[row.name] = fraction(value, row.den)
    return told


def fault_names(bits: int) -> list[str]:
    """Names of the faults in a status; a bit that this version does not know by its number."""
    named = [fault.name for bit, fault in FAULTS.items() if bits & bit]
    return named + [f"fault_{1 << at}" for at in range(32) if bits >> at & 1 and 1 << at not in FAULTS]


def alarm_names(alarms: Sequence[int]) -> list[str]:
    """Names of the active alarms, newest first."""
    return [alarm_name(alarm) for alarm in alarms]


def alarm_text(alarms: Sequence[int]) -> str:
    """Names of the active alarms, newest first, with commas; empty if none is active."""
    return ",".join(alarm_names(alarms))


def utc(time_s: int) -> str:
    """Unix seconds as ISO 8601 in UTC, as FIWARE, NGSI-LD and Yggio write times."""
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
