"""Home Assistant's words for each quantity and alarm, for its MQTT discovery.

Device classes (columns of `lyhord_wire.tables`) and the units that go with them are those of Home Assistant's
sensor and binary sensor integrations; a wrong pair makes it refuse the entity.
"""

from collections.abc import Collection
from typing import Any

from lyhord_gateway.model.reading import quantity_name
from lyhord_gateway.profiles.scale import Units, unit
from lyhord_wire import tables
from lyhord_wire.alarms import Alarm
from lyhord_wire.rows import words

Component = dict[str, Any]


def components(
    profile: int | None, quantities: Collection[int], units: Units, signal: bool
) -> dict[str, Component]:
    """Name → platform, class, unit and template of every entity that a node has. Units in %: 0…100."""
    found = {quantity_name(quantity): _quantity(quantity, units) for quantity in sorted(quantities)}
    for alarm in _alarms(profile):
        found[f"alarm_{alarm.name}"] = _alarm(alarm)
    found["measured"] = {
        "p": "sensor",
        "name": "Measured",
        "device_class": "timestamp",
        "entity_category": "diagnostic",
        "value_template": _value("time"),
    }
    if signal:
        found["rssi"] = _signal("RSSI", "rssi", "dBm") | {"device_class": "signal_strength"}
        found["snr"] = _signal("SNR", "snr", "dB")
    return found


def _alarms(profile: int | None) -> list[Alarm]:
    """Those of a kind of node; all of them for a node whose kind is not known."""
    if profile not in tables.PROFILES:
        return [tables.ALARMS[code] for code in sorted(tables.ALARMS)]
    return [alarm for alarm in tables.ALARMS.values() if alarm.profile in (0, profile)]


def status_components(told: Collection[str], units: Units) -> dict[str, Component]:
    """The entities of what a node has told of itself; told: the names in its status message. They do not
    expire: what is told once is true until it is told again."""
    known = {
        "node_battery": _signal("Battery in status", "node_battery", units.battery)
        | {"device_class": "voltage"},
        "downlink_rssi": _signal("Downlink RSSI", "downlink_rssi", "dBm")
        | {"device_class": "signal_strength"},
        "downlink_snr": _signal("Downlink SNR", "downlink_snr", "dB"),
        "faults": {
            "p": "sensor",
            "name": "Faults",
            "entity_category": "diagnostic",
            "value_template": _value("faults"),
        },
    }
    return {name: component for name, component in known.items() if name in told}


def _quantity(quantity: int, units: Units) -> Component:
    name = quantity_name(quantity)
    known = tables.QUANTITIES.get(quantity)
    component: Component = {"p": "sensor", "name": known.label if known else words(name)}
    if known and known.device_class:
        component["device_class"] = known.device_class
    if known and known.boolean:
        is_on = _on(f"value_json.get('{name}')", f"value_json.get('{name}') is not none")
        return component | {"p": "binary_sensor", "value_template": is_on}
    if symbol := tables.UNITS[unit(quantity, 100, units)].symbol:
        component["unit_of_measurement"] = symbol
    component["state_class"] = "total_increasing" if known and known.counter else "measurement"
    if known and known.diagnostic:
        component["entity_category"] = "diagnostic"
    return component | {"value_template": _value(name)}


def _alarm(alarm: Alarm) -> Component:
    return {
        "p": "binary_sensor",
        "name": alarm.label,
        "device_class": alarm.device_class,
        "value_template": _on(f"'{alarm.name}' in value_json.alarms", "value_json.alarms is defined"),
    }


def _signal(label: str, name: str, symbol: str) -> Component:
    return {
        "p": "sensor",
        "name": label,
        "unit_of_measurement": symbol,
        "state_class": "measurement",
        "entity_category": "diagnostic",
        "value_template": _value(name),
    }


def _value(name: str) -> str:
    """A null renders as None, which is "unknown"; what a message does not speak of renders as nothing, which
    leaves the state as it is."""
    return f"{{{{ value_json.get('{name}', '') }}}}"


def _on(condition: str, known: str) -> str:
    return f"{{{{ ('ON' if {condition} else 'OFF') if {known} else '' }}}}"
