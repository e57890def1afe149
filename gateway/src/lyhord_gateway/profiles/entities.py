"""How Home Assistant shows each quantity and alarm: MQTT discovery's words for them.

Device classes and the units that go with them are those of Home Assistant's sensor and binary sensor
integrations; a wrong pair makes it refuse the entity.
"""

from collections.abc import Collection
from types import MappingProxyType
from typing import Any

from lyhord_gateway.model.reading import quantity_name
from lyhord_gateway.profiles.scale import Units, unit
from lyhord_wire import tables

Component = dict[str, Any]

_CLASSES = MappingProxyType(
    {
        tables.DISTANCE: "distance",
        tables.TEMPERATURE: "temperature",
        tables.HUMIDITY: "humidity",
        tables.BATTERY: "voltage",
        tables.CO2: "carbon_dioxide",
        tables.PRESSURE: "atmospheric_pressure",
        tables.ILLUMINANCE: "illuminance",
    }
)
_DIAGNOSTIC = frozenset({tables.DISTANCE, tables.BATTERY, tables.FILL_QUALITY})
_SYMBOLS = MappingProxyType({"Cel": "°C", "%RH": "%", "deg": "°", "count": ""})  # where SenML's differ
_ALARM_CLASSES = MappingProxyType(
    {
        tables.ALARM_FULL: "problem",
        tables.ALARM_FIRE: "safety",
        tables.ALARM_TILTED: "problem",
        tables.ALARM_BATTERY_LOW: "battery",
        tables.ALARM_SENSOR_FAULT: "problem",
        tables.ALARM_COLD: "cold",
        tables.ALARM_WARM: "heat",
    }
)
_EVERYWHERE = (tables.ALARM_FIRE, tables.ALARM_BATTERY_LOW, tables.ALARM_SENSOR_FAULT)
_ALARMS_OF = MappingProxyType(
    {
        tables.PROFILE_BIN: (tables.ALARM_FULL, *_EVERYWHERE, tables.ALARM_TILTED),
        tables.PROFILE_BUILDING: (*_EVERYWHERE, tables.ALARM_COLD, tables.ALARM_WARM),
    }
)


def components(
    profile: int | None, quantities: Collection[int], units: Units, signal: bool
) -> dict[str, Component]:
    """Name → platform, class, unit and template of every entity that a node has. Units in %: 0…100."""
    found = {quantity_name(quantity): _quantity(quantity, units) for quantity in sorted(quantities)}
    for alarm in _ALARMS_OF.get(profile or 0, tuple(_ALARM_CLASSES)):
        found[f"alarm_{tables.ALARMS[alarm]}"] = _alarm(alarm)
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


def _quantity(quantity: int, units: Units) -> Component:
    name = quantity_name(quantity)
    label = {tables.CO2: "CO₂"}.get(quantity, name.replace("_", " ").capitalize())
    if quantity == tables.OCCUPANCY:
        return {
            "p": "binary_sensor",
            "name": label,
            "device_class": "occupancy",
            "value_template": _on("value_json.get('occupancy')", "value_json.get('occupancy') is not none"),
        }
    component: Component = {"p": "sensor", "name": label}
    if device_class := _CLASSES.get(quantity):
        component["device_class"] = device_class
    senml = unit(quantity, 100, units)
    if symbol := _SYMBOLS.get(senml, senml):
        component["unit_of_measurement"] = symbol
    counted = quantity == tables.PULSE_COUNT
    component["state_class"] = "total_increasing" if counted else "measurement"
    if quantity in _DIAGNOSTIC:
        component["entity_category"] = "diagnostic"
    return component | {"value_template": _value(name)}


def _alarm(alarm: int) -> Component:
    name = tables.ALARMS[alarm]
    return {
        "p": "binary_sensor",
        "name": name.replace("_", " ").capitalize(),
        "device_class": _ALARM_CLASSES[alarm],
        "value_template": _on(f"'{name}' in value_json.alarms", "value_json.alarms is defined"),
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
