"""NGSI-LD entities (ETSI GS CIM 009) after the Smart Data Models, in the shape of a batch upsert.

    [{"id": "urn:ngsi-ld:WasteContainer:lyhord-000a01", "type": "WasteContainer",
      "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [17.6, 59.2]}},
      "fillingLevel": {"type": "Property", "value": 0.63, "unitCode": "C62", "observedAt": "…"}, …}, …]

A bin is a WasteContainer, a node in a building an IndoorEnvironmentObserved. Both models require a place, so
a node without one has the type Device until somebody enters it. Its id never changes with that: a node that
gets a place is the same entity, with another type (CIM 009 section 4.16: an entity may have several).

NGSI-LD defines no MQTT topics for ingestion. A message here is exactly the body of
`POST /ngsi-ld/v1/entityOperations/upsert?options=update` (application/ld+json); a subscriber hands it on
unchanged. With an IoT Agent for JSON and `payloadType: ngsild`, let the topic be its own. A broker may take
one entity once per request, so a message holds one sample of a node. Every measured property says when
(observedAt); entity id and sampleNumber are the reading's identity.

The node itself is an entity of the type Device, told when something changes: firmware, battery, faults, and
its deviceState, which is outOfService for a node that is disabled or removed. Its controlledAsset is the
container or the room.

What no model has a name for (batteryVoltage, tilt, sampleNumber …) are further properties of the entity.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from lyhord_gateway.model.reading import Message, NodeFacts, Reading, Sharing, node_text, quantity_name
from lyhord_gateway.options.platform_options import Compressible, NodeName, NodeStatus, Topic
from lyhord_gateway.profiles import DEVICE, NOTHING, Profile, kind
from lyhord_gateway.profiles.flat import about_node, alarm_text, utc
from lyhord_gateway.profiles.scale import SI, Units, fraction, is_boolean, scaled, unit
from lyhord_wire import tables

TOPIC = "lyhord/{gateway}/ngsi-ld"
BIN, INDOOR, BARE = "WasteContainer", "IndoorEnvironmentObserved", "Device"

_MODELS = "https://raw.githubusercontent.com/smart-data-models/dataModel.{}/master/context.jsonld"
_CONTEXTS = MappingProxyType(
    {
        BIN: _MODELS.format("WasteManagement"),
        INDOOR: _MODELS.format("Environment"),
        BARE: _MODELS.format("Device"),
    }
)
# What a Device calls what is known of a node (`flat.about_node`).
_STATUS_PROPERTIES = MappingProxyType(
    {
        "firmware": "firmwareVersion",
        "node_battery": "batteryVoltage",
        "downlink_rssi": "downlinkRssi",
        "downlink_snr": "downlinkSnr",
        "settings_version": "settingsVersion",
    }
)
_DBM = "DBM"  # UN/CEFACT Recommendation 20
_IN_SERVICE, _OUT_OF_SERVICE = "inService", "outOfService"  # deviceState; the model leaves the words open
_E6 = 1_000_000

_Entity = dict[str, Any]


class Options(
    Compressible, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="profile", tag="ngsi-ld"
):
    """NGSI-LD entities after the Smart Data Models: a message is the body of an entityOperations/upsert."""

    topic: Annotated[
        Topic | None,
        Meta(
            description="Left out: lyhord/{gateway}/ngsi-ld. {gateway} and {node} are replaced.",
            examples=["lyhord/{gateway}/ngsi-ld"],
        ),
    ] = None
    backlog_topic: Annotated[
        Topic | None,
        Meta(
            description="Another topic for readings that came after a younger one of their node. Left out: "
            "the same topic; they are marked.",
            examples=["lyhord/{gateway}/{node}/backlog"],
        ),
    ] = None
    device: Annotated[
        NodeName | None,
        Meta(
            description="End of a node's entity id; {node} is its id. Left out: lyhord-{node}.",
            examples=["lyhord-{node}"],
        ),
    ] = None
    context: Annotated[
        Annotated[str, Meta(pattern=r"^https?://\S+$")] | None,
        Meta(
            description="Address of the JSON-LD context; left out: that of the Smart Data Models.",
            examples=["https://context.example.net/waste.jsonld"],
        ),
    ] = None
    node_status: NodeStatus = True


@dataclass(frozen=True, slots=True)
class NgsiLdProfile(Profile):
    """topic_template, backlog_template: {gateway}, {node}; facts: what the registry knows of a node.

    device: last part of the entity id; context: instead of the models' own; fill_scale: 1 or 100. The
    published models want ratios as 0…1; some platforms write and expect 0…100.
    """

    content_type = "application/ld+json"

    topic_template: str
    gateway: str
    facts: Callable[[int], NodeFacts]
    device: str = DEVICE
    fill_scale: int = 1
    units: Units = SI
    signal: bool = True
    context: str | None = None
    backlog_template: str | None = None
    node_status: bool = False

    @property
    def introduces(self) -> bool:
        return self.node_status

    def announce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
        """The node itself as an entity of the type Device, beside the one that it observes."""
        if not self.node_status:
            return []
        told = about_node(facts, self.units)
        told.pop("in_service")
        named = {_STATUS_PROPERTIES.get(name, name): value for name, value in told.items()}
        device: _Entity = {"category": ["sensor"]}
        device["controlledProperty"] = sorted(set(_controlled(quantities)))
        if facts.name:
            device["name"] = facts.name
        return [self._device(facts, device | {"deviceState": _IN_SERVICE} | named)]

    def retract(self, facts: NodeFacts) -> list[Message]:
        return [self._device(facts, {"deviceState": _OUT_OF_SERVICE})] if self.node_status else []

    def _device(self, facts: NodeFacts, values: _Entity) -> Message:
        entity: _Entity = {"id": self._id(BARE, facts.node), "type": BARE}
        entity |= {name: {"type": "Property", "value": value} for name, value in values.items()}
        codes = {"batteryVoltage": tables.UNITS[self.units.battery].code, "downlinkRssi": _DBM}
        for name in codes.keys() & entity.keys():
            entity[name]["unitCode"] = codes[name]
        if (purpose := _purpose(facts)) != BARE:
            seen = self._id(purpose, facts.node)
            entity["controlledAsset"] = {"type": "Relationship", "object": seen}
        entity["@context"] = [self.context or _CONTEXTS[BARE]]
        topic = self.topic_template.replace("{gateway}", self.gateway)
        topic = topic.replace("{node}", node_text(facts.node))
        return Message(topic, msgspec.json.encode([entity]), about=facts.node)

    def _id(self, purpose: str, node: int) -> str:
        return f"urn:ngsi-ld:{purpose}:{self.device.replace('{node}', node_text(node))}"

    def topic(self, reading: Reading) -> str:
        template = self.backlog_template if reading.backlog else None
        topic = (template or self.topic_template).replace("{gateway}", self.gateway)
        return topic.replace("{node}", node_text(reading.node))

    def sharing(self) -> Sharing:
        return Sharing.ONCE_PER_NODE

    def payload(self, readings: Sequence[Reading]) -> bytes:
        return msgspec.json.encode([self._entity(reading) for reading in readings])

    def probe(self) -> Message:
        return Message(self.topic(msgspec.structs.replace(NOTHING, backlog=False)), b"[]")

    def _entity(self, reading: Reading) -> _Entity:
        facts = self.facts(reading.node)
        kind = _kind(facts)
        when = utc(reading.time_s)
        entity: _Entity = {
            "id": self._id(_purpose(facts), reading.node),
            "type": kind,
            **_own(kind, facts, reading, when),
        }
        if facts.name:
            entity["name"] = {"type": "Property", "value": facts.name}
        if (place := _place(facts)) is not None:
            entity["location"] = {"type": "GeoProperty", "value": place}
        for quantity, value in reading.values.items():
            if value is not None:
                entity[_property(quantity)] = {
                    "type": "Property",
                    **self._value(quantity, value),
                    "observedAt": when,
                }
        seen: _Entity = {"sampleNumber": reading.seq, "backlog": reading.backlog}
        if reading.alarms is not None:
            if kind == BIN:
                seen["status"] = _status(reading.alarms)
            seen["alarms"] = alarm_text(reading.alarms)
        if self.signal and reading.rssi_dbm is not None:
            seen["rssi"] = reading.rssi_dbm
            if reading.snr_q4 is not None:
                seen["snr"] = fraction(reading.snr_q4, 4)
        for name, value in seen.items():
            entity[name] = {"type": "Property", "value": value, "observedAt": when}
        entity["@context"] = [self.context or _CONTEXTS[kind]]
        return entity

    def _value(self, quantity: int, value: int) -> _Entity:
        if is_boolean(quantity):
            return {"value": value == 1}
        if quantity == tables.HUMIDITY:  # the model has it as a ratio, the wire as 0.1 %
            ratio = self.fill_scale == 1
            return {"value": fraction(value, 1000 if ratio else 10), "unitCode": "C62" if ratio else "P1"}
        entry: _Entity = {"value": scaled(quantity, value, self.fill_scale, self.units)}
        if code := tables.UNITS[unit(quantity, self.fill_scale, self.units)].code:
            entry["unitCode"] = code
        return entry


def _property(quantity: int) -> str:
    known = tables.QUANTITIES.get(quantity)
    return known.attribute if known else quantity_name(quantity)


def _controlled(quantities: Iterable[int]) -> list[str]:
    """Device.controlledProperty is an enumeration; what it has no word for is left out of that list only."""
    known = [tables.QUANTITIES[quantity] for quantity in quantities if quantity in tables.QUANTITIES]
    return [quantity.controlled for quantity in known if quantity.controlled]


def _kind(facts: NodeFacts) -> str:
    """The type by the model whose requirements are met."""
    return BARE if facts.latitude_e6 is None or facts.longitude_e6 is None else _purpose(facts)


def _purpose(facts: NodeFacts) -> str:
    """By what the node is for, whatever else is known of it: part of its id."""
    return {tables.PROFILE_BIN: BIN, tables.PROFILE_BUILDING: INDOOR}.get(facts.profile or 0, BARE)


def _own(kind: str, facts: NodeFacts, reading: Reading, when: str) -> _Entity:
    """The properties that only this type has, and those its model requires beyond id, type and location."""
    own: _Entity = {}
    if kind == INDOOR:
        own["dateObserved"] = _moment(when)
    elif kind == BARE:
        own["category"] = ["sensor"]
        own["controlledProperty"] = _controlled(reading.values)
        own["dateLastValueReported"] = _moment(when)
        if facts.version is not None:
            own["firmwareVersion"] = facts.version
    return {name: {"type": "Property", "value": value} for name, value in own.items()}


def _moment(when: str) -> _Entity:
    """A time as a value of its type, not as text (ETSI GS CIM 009 section 4.6.3)."""
    return {"@type": "DateTime", "@value": when}


def _place(facts: NodeFacts) -> _Entity | None:
    """A GeoJSON point: longitude first (RFC 7946 section 3.1.1)."""
    if facts.latitude_e6 is None or facts.longitude_e6 is None:
        return None
    return {
        "type": "Point",
        "coordinates": [fraction(facts.longitude_e6, _E6), fraction(facts.latitude_e6, _E6)],
    }


def _status(alarms: Sequence[int]) -> str:
    """WasteContainer.status: the worst that the alarms say of the container's safety."""
    if tables.ALARM_FIRE in alarms:
        return "burning"
    if tables.ALARM_TILTED in alarms:
        return "dropped"
    if tables.ALARM_SENSOR_FAULT in alarms:
        return "unknown"
    return "ok"


def _make(options: Options, context: kind.PlatformContext) -> NgsiLdProfile:
    return NgsiLdProfile(
        options.topic or TOPIC,
        context.gateway,
        context.facts,
        options.device or DEVICE,
        options.fill_scale or 1,
        kind.units(options, pressure="hPa"),
        options.signal,
        options.context,
        options.backlog_topic,
        options.node_status,
    )


def _wrong(options: Options) -> str:
    fault = kind.device(options, r"[A-Za-z0-9\-._:]*", "letters, digits and - . _ :")
    return fault or kind.topics(options)


KIND = kind.Kind(Options, _make, _wrong)
