"""Home Assistant's reading of MQTT discovery and states, as far as our messages go.

Facts copied from its documentation and sources, for tests only: github.com/home-assistant/core,
homeassistant/components/mqtt/schemas.py (device discovery), abbreviations.py, sensor.py, binary_sensor.py;
units per device class from homeassistant/components/sensor/const.py. Templates are rendered by Jinja, as
there.
"""

import json

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jsonschema import Draft202012Validator

UNITS = {
    "atmospheric_pressure": {"Pa", "hPa"},
    "carbon_dioxide": {"ppm"},
    "distance": {"m", "cm", "mm"},
    "humidity": {"%"},
    "illuminance": {"lx"},
    "signal_strength": {"dB", "dBm"},
    "temperature": {"°C"},
    "timestamp": {None},
    "voltage": {"V", "mV"},
}
BINARY = {"battery", "cold", "heat", "occupancy", "problem", "safety"}
_TEXT = {"type": "string", "minLength": 1}
_ID = {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"}
_ENTITY = {
    "type": "object",
    "required": ["p", "name", "unique_id", "value_template"],
    "additionalProperties": False,
    "properties": {
        "p": {"enum": ["sensor", "binary_sensor"]},
        "name": _TEXT,
        "unique_id": _ID,
        "value_template": _TEXT,
        "device_class": {"enum": sorted(set(UNITS) | BINARY)},
        "unit_of_measurement": _TEXT,
        "state_class": {"enum": ["measurement", "total", "total_increasing"]},
        "entity_category": {"const": "diagnostic"},
        "expire_after": {"type": "integer", "minimum": 1},
        "state_topic": {"type": "string", "pattern": "^[^+#]+$"},
    },
}
DISCOVERY = {
    "type": "object",
    "required": ["dev", "o", "cmps", "state_topic"],
    "additionalProperties": False,
    "properties": {
        "dev": {
            "type": "object",
            "required": ["ids"],
            "additionalProperties": False,
            "properties": {
                "ids": {"type": "array", "minItems": 1, "items": _ID},
                **dict.fromkeys(("name", "mf", "mdl", "hw", "sw", "sn"), _TEXT),
            },
        },
        "o": {"type": "object", "required": ["name"], "properties": {"name": _TEXT}},
        "cmps": {"type": "object", "propertyNames": _ID, "additionalProperties": _ENTITY},
        "state_topic": {"type": "string", "pattern": "^[^+#]+$"},
        "availability": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["topic"],
                "additionalProperties": False,
                "properties": {"topic": _TEXT, "value_template": _TEXT},
            },
        },
        "qos": {"enum": [0, 1, 2]},
    },
}


def faults(config: dict) -> list[str]:
    """The faults that Home Assistant finds in a device's discovery message."""
    found = [error.message for error in Draft202012Validator(DISCOVERY).iter_errors(config)]
    for name, entity in config["cmps"].items():
        kind, unit = entity.get("device_class"), entity.get("unit_of_measurement")
        if entity["p"] == "binary_sensor":
            if kind not in BINARY or unit or "state_class" in entity:
                found.append(f"{name}: not a binary sensor")
        elif kind is not None and unit not in UNITS.get(kind, ()):
            found.append(f"{name}: {unit} does not go with {kind}")
        if kind == "timestamp" and "state_class" in entity:
            found.append(f"{name}: a timestamp has no state class")
    ids = [entity["unique_id"] for entity in config["cmps"].values()]
    return found + [f"{one}: not unique" for one in ids if ids.count(one) > 1]


class Device:
    """A discovered device: its entities' states after the messages so far. None: unknown."""

    def __init__(self, config: dict) -> None:
        assert faults(config) == []
        # StrictUndefined: Home Assistant logs a warning for every name that a template does not find.
        jinja = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
        self._entities = config["cmps"]
        self._availability = {
            one["topic"]: jinja.from_string(one["value_template"]) for one in config.get("availability", ())
        }
        self._templates = {
            name: jinja.from_string(entity["value_template"]) for name, entity in self._entities.items()
        }
        self.states: dict[str, str | None] = dict.fromkeys(self._entities)

    def available(self, topic: str, payload: bytes) -> bool:
        """True if a message makes the device available; the words are Home Assistant's defaults."""
        word = self._availability[topic].render(value_json=json.loads(payload))
        assert word in ("online", "offline"), word
        return word == "online"

    def hear(self, payload: bytes) -> dict[str, str | None]:
        value_json = json.loads(payload)
        for name, template in self._templates.items():
            text = template.render(value_json=value_json)
            if text == "":
                continue  # an empty state is ignored
            if self._entities[name]["p"] == "binary_sensor":
                assert text in ("ON", "OFF"), text
            self.states[name] = None if text == "None" else text
        return self.states
