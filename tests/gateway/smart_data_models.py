"""The Smart Data Models' rules for three entity types, as JSON schemas, and NGSI-LD's own rules.

Facts copied from the published models, for tests only:
  WasteContainer 0.3.0, github.com/smart-data-models/dataModel.WasteManagement (WasteContainer/schema.json)
  IndoorEnvironmentObserved 0.0.1, github.com/smart-data-models/dataModel.Environment (…/model.yaml)
  Device 0.0.9, github.com/smart-data-models/dataModel.Device (Device/model.yaml); an older version
  (Device/schema.json) requires `category` as well, so it is required here
  common definitions, github.com/smart-data-models/data-models (common-schema.json)
The models describe entities in their simplified form (key and value). The normalized form that goes over
the wire is ETSI GS CIM 009, sections 4.5.2 (Property) and 4.5.3 (Relationship), 4.7 (GeoProperty).
"""

from datetime import datetime

from jsonschema import Draft202012Validator, FormatChecker

_NUMBER = {"type": "number"}
_POSITIVE = {"type": "number", "minimum": 0}
_TEXT = {"type": "string"}
_WHEN = {"type": "string", "format": "date-time"}
_ID = {
    "anyOf": [
        {
            "type": "string",
            "minLength": 1,
            "maxLength": 256,
            "pattern": r"^[\w\-\.\{\}\$\+\*\[\]`|~^@!,:\\]+$",
        },
        {"type": "string", "format": "uri"},
    ]
}
_POINT = {
    "type": "object",
    "required": ["type", "coordinates"],
    "properties": {
        "type": {"enum": ["Point"]},
        "coordinates": {"type": "array", "minItems": 2, "items": _NUMBER},
    },
}
_COMMON = {"id": _ID, "name": _TEXT, "location": _POINT, "source": _TEXT, "dateModified": _WHEN}
_CONTROLLED = """airPollution atmosphericPressure averageVelocity batteryLife batterySupply cdom conductance
conductivity depth eatingActivity electricityConsumption energy fillingLevel freeChlorine gasConsumption
gateOpening heading humidity light location milking motion movementActivity noiseLevel occupancy orp pH power
precipitation pressure refractiveIndex salinity smoke soilMoisture solarRadiation speed tds temperature
trafficFlow tss turbidity uvLampIntensity uvOrganicLoad waterConsumption waterFlow waterLevel waterPollution
weatherConditions weight windDirection windSpeed"""
_CATEGORIES = "actuator beacon endgun HVAC implement irrSection irrSystem meter multimedia network sensor"
_STATES = ["ok", "lidOpen", "dropped", "moved", "vandalized", "burning", "unknown"]

MODELS = {
    "WasteContainer": {
        "type": "object",
        "required": ["id", "type", "location"],
        "properties": {
            **_COMMON,
            "type": {"enum": ["WasteContainer"]},
            "fillingLevel": {"type": "number", "minimum": 0, "maximum": 1},
            "temperature": _NUMBER,
            "methaneConcentration": _POSITIVE,
            "cargoWeight": _POSITIVE,
            "status": {"type": "string", "enum": _STATES},
            "category": {
                "type": "array",
                "minItems": 1,
                "uniqueItems": True,
                "items": {"enum": ["fixed", "ground", "other", "portable", "underground"]},
            },
            "binFullnessThreshold": _NUMBER,
            "dateLastEmptying": _WHEN,
            "serialNumber": _TEXT,
        },
    },
    "IndoorEnvironmentObserved": {
        "type": "object",
        "required": ["id", "type", "dateObserved", "location"],
        "properties": {
            **_COMMON,
            "type": {"enum": ["IndoorEnvironmentObserved"]},
            "dateObserved": _TEXT,
            "temperature": _POSITIVE,  # sic: see the test of a frozen room
            "relativeHumidity": _POSITIVE,
            "atmosphericPressure": _POSITIVE,
            "illuminance": _POSITIVE,
            "co2": _NUMBER,
            "peopleCount": _POSITIVE,
        },
    },
    "Device": {
        "type": "object",
        "required": ["id", "type", "category", "controlledProperty"],
        "properties": {
            **_COMMON,
            "type": {"enum": ["Device"]},
            "category": {"type": "array", "items": {"enum": _CATEGORIES.split()}},
            "controlledProperty": {"type": "array", "items": {"enum": _CONTROLLED.split()}},
            "batteryLevel": {"oneOf": [{"type": "number", "minimum": 0, "maximum": 1}, {"const": -1}]},
            "dateLastValueReported": _WHEN,
            "firmwareVersion": _TEXT,
            "deviceState": _TEXT,
            "controlledAsset": {"anyOf": [_ID, {"type": "array"}]},
            "rssi": _NUMBER,
            "distance": _NUMBER,
            "value": _TEXT,
        },
    },
}

_ATTRIBUTE = {
    "oneOf": [
        {
            "type": "object",
            "required": ["type", "value"],
            "additionalProperties": False,
            "properties": {
                "type": {"const": "Property"},
                "value": {"not": {"type": "null"}},
                "unitCode": {"type": "string", "pattern": "^[A-Z0-9]{2,3}$"},
                "observedAt": _WHEN,
            },
        },
        {
            "type": "object",
            "required": ["type", "value"],
            "additionalProperties": False,
            "properties": {"type": {"const": "GeoProperty"}, "value": _POINT, "observedAt": _WHEN},
        },
        {
            "type": "object",
            "required": ["type", "object"],
            "additionalProperties": False,
            "properties": {
                "type": {"const": "Relationship"},
                "object": {"type": "string", "pattern": "^urn:ngsi-ld:"},
            },
        },
    ]
}
NORMALIZED = {
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "object",
        "required": ["id", "type", "@context"],
        "properties": {
            "id": {"type": "string", "pattern": "^urn:ngsi-ld:[A-Za-z]+:[A-Za-z0-9._:-]+$"},
            "type": {"enum": sorted(MODELS)},
            "@context": {
                "type": "array",
                "minItems": 1,
                "items": {"type": "string", "pattern": "^https?://"},
            },
        },
        # A term begins with a letter (section 4.6.2); all but the entity's head are attributes.
        "patternProperties": {"^(?!id$|type$|@context$)[A-Za-z][A-Za-z0-9_]*$": _ATTRIBUTE},
        "additionalProperties": False,
    },
}

_checker = FormatChecker(())


@_checker.checks("date-time", raises=ValueError)
def _date_time(value: object) -> bool:
    """NGSI-LD wants UTC with Z (section 4.6.3)."""
    return not isinstance(value, str) or (value.endswith("Z") and bool(datetime.fromisoformat(value)))


def faults(schema: dict, value: object) -> list[str]:
    """`path: message` of everything that a schema has against a value."""
    found = Draft202012Validator(schema, format_checker=_checker).iter_errors(value)
    return [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


def simplified(entity: dict) -> dict:
    """An entity as keys and values (section 4.5.4)."""
    return {
        key: _value(value.get("value", value.get("object"))) if isinstance(value, dict) else value
        for key, value in entity.items()
        if key != "@context"
    }


def _value(value: object) -> object:
    """A time as the text that it is in the simplified form (section 4.6.3)."""
    typed = isinstance(value, dict) and value.get("@type") == "DateTime"
    return value["@value"] if typed and isinstance(value, dict) else value


def entity_faults(entity: dict) -> list[str]:
    """The faults that its model finds in an entity in normalized form."""
    return faults(MODELS[entity["type"]], simplified(entity))
