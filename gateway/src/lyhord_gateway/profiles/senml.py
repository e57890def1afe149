"""SenML (RFC 8428, units also from RFC 8798): one pack per message, many nodes in it.

    [{"bn": "lyhord-000a01:", "bt": 1767225600, "n": "seq", "v": 1},
     {"n": "fill_level", "u": "/", "v": 0.63}, …]

Names are unique among the nodes of one gateway; a DEV URN, which is unique everywhere, takes a number that
only an organization can have (option `organization`).

Every reading begins with a record that sets base name and base time and carries the sample number: base
name and `seq` are the reading's identity. A quantity without a valid value has no record. A reading that
came after a younger one of its node has the record {"n": "backlog", "vb": true}.

A pack with a secondary unit (RFC 8798 section 3: dBm and ppm are two of them) begins with "bver": 26, which
is version 10 with the feature *secondary units* (RFC 9100): without it they must not be used.

The same values come again and again, so a record that was encoded once is kept as text.
"""

from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import chain
from typing import Annotated

import msgspec
from msgspec import Meta

from lyhord_gateway.model.reading import Message, NodeFacts, Reading, node_text, quantity_name
from lyhord_gateway.options.platform_options import Compressible, NodeName, Topic
from lyhord_gateway.profiles import NOTHING, Profile, kind
from lyhord_gateway.profiles.flat import Value, Values, about_node, alarm_text
from lyhord_gateway.profiles.scale import SI, Units, is_boolean, scaled, unit
from lyhord_wire.tables import QUANTITIES, STATUS, UNITS

TOPIC = "lyhord/{gateway}/senml"
BASE_NAME = "lyhord-{node}:"
# RFC 9039 section 4.4: an organization's number (IANA, private enterprise), product, serial number.
_DEV_URN = "urn:dev:ops:%d-lyhord-{node}:"

_VERSION = b'{"bver":26,'  # for secondary units (RFC 8798 section 3); the dBm of receptions is one
_KEPT = 4096  # records, and base names, that are kept as text
_BRACES = ("gateway", "node")
_BACKLOG = b'{"n":"backlog","vb":true}'
_json = msgspec.json.Encoder().encode


class Options(
    Compressible, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="profile", tag="senml"
):
    """SenML (RFC 8428): one message has many readings of many nodes."""

    topic: Annotated[
        Topic | None,
        Meta(
            description="Left out: lyhord/{gateway}/senml. {gateway} and {node} are replaced.",
            examples=["lyhord/{gateway}/senml"],
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
    node_topic: Annotated[
        Topic | None,
        Meta(
            description="Topic for what is known of the nodes themselves, when it changes: battery, signal "
            "of the last downlink, firmware, faults by name, whether they are in service. Left out: it "
            "is not told, as packs of readings have no place for it.",
            examples=["lyhord/{gateway}/nodes"],
        ),
    ] = None
    device: Annotated[
        NodeName | None,
        Meta(
            description="SenML base name of a node; {node} is its id. Left out: lyhord-{node}:, or what "
            "organization makes of it.",
            examples=["lyhord-{node}:"],
        ),
    ] = None
    organization: Annotated[
        Annotated[int, Meta(ge=1, le=4_294_967_295)] | None,
        Meta(
            description="Private enterprise number of your organization (IANA gives it): base names are DEV "
            "URNs then (RFC 9039), urn:dev:ops:<number>-lyhord-{node}:.",
            examples=[32473],
        ),
    ] = None


class SenmlProfile(Profile):
    """topic_template: {gateway}, {node}; base_name: {node}; fill_scale: 1 or 100; signal: with RSSI, SNR;
    backlog_template: a topic of its own for readings that came late; node_topic: for what is known of the
    nodes themselves."""

    content_type = "application/senml+json"

    def __init__(
        self,
        topic_template: str,
        gateway: str,
        base_name: str = BASE_NAME,
        fill_scale: int = 1,
        signal: bool = True,
        units: Units = SI,
        backlog_template: str | None = None,
        node_topic: str = "",
    ) -> None:
        self._node_topic = node_topic.replace("{gateway}", gateway)
        self._base_name = base_name
        self._units = units
        self._topic = topic_template.replace("{gateway}", gateway)
        self._backlog = (backlog_template or topic_template).replace("{gateway}", gateway)
        self._signal = signal
        self._records = _Records(fill_scale, units)
        self._secondary = {q for q in QUANTITIES if UNITS[unit(q, fill_scale, units)].secondary}
        self._bases = _Bases(base_name)

    @property
    def introduces(self) -> bool:
        return bool(self._node_topic)

    def announce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
        return [self._told(facts.node, about_node(facts, self._units))] if self._node_topic else []

    def retract(self, facts: NodeFacts) -> list[Message]:
        return [self._told(facts.node, {"in_service": False})] if self._node_topic else []

    def _told(self, node: int, values: Values) -> Message:
        """Without a time, which is "now" (RFC 8428 section 4.5.3)."""
        units = {row.name: row.unit for row in STATUS.values() if row.unit}
        units["node_battery"] = self._units.battery
        records: list[dict[str, Value]] = []
        for name, value in values.items():
            record: dict[str, Value] = {"n": name}
            if unit_text := units.get(name):
                record["u"] = unit_text
            record["vb" if isinstance(value, bool) else "vs" if isinstance(value, str) else "v"] = value
            records.append(record)
        secondary = {"bver": 26} if any(map(_in_secondary_unit, records)) else {}
        base_name = self._base_name.replace("{node}", node_text(node))
        records[0] = {**secondary, "bn": base_name, **records[0]}
        return Message(self._node_topic.replace("{node}", node_text(node)), _json(records), about=node)

    def topic(self, reading: Reading) -> str:
        topic = self._backlog if reading.backlog else self._topic
        return topic.replace("{node}", node_text(reading.node)) if "{" in topic else topic

    def payload(self, readings: Sequence[Reading]) -> bytes:
        pack: list[bytes] = []
        for reading in readings:
            self._append(pack, reading)
        if self._need_version(readings):
            pack[0] = _VERSION + pack[0][1:]
        return b"[%s]" % b",".join(pack)

    def probe(self) -> Message:
        return Message(self.topic(msgspec.structs.replace(NOTHING, backlog=False)), b"[]")

    def _need_version(self, readings: Sequence[Reading]) -> bool:
        """Some record has a secondary unit."""
        if self._signal and any(reading.rssi_dbm is not None for reading in readings):
            return True
        if self._secondary.isdisjoint(chain.from_iterable([reading.values for reading in readings])):
            return False  # as nearly always; without a call per reading
        return any(reading.values.get(q) is not None for reading in readings for q in self._secondary)

    def _append(self, pack: list[bytes], reading: Reading) -> None:
        pack.append(self._bases[reading.node] % (reading.time_s, reading.seq))
        for measured in reading.values.items():
            if measured[1] is not None:
                pack.append(self._records[measured])
        if reading.alarms is not None:
            pack.append(_json({"n": "alarms", "vs": alarm_text(reading.alarms)}))
        if reading.backlog:
            pack.append(_BACKLOG)
        if self._signal and reading.rssi_dbm is not None:
            pack.append(_reception(reading.rssi_dbm, reading.snr_q4))


def _in_secondary_unit(record: dict[str, Value]) -> bool:
    name = record.get("u")
    return name == "dBm" or (name in UNITS and UNITS[str(name)].secondary)


class _Bases(dict[int, bytes]):
    """By node: the first record of a reading, with two %d for its time and its number."""

    def __init__(self, base_name: str) -> None:
        self._base_name = base_name

    def __missing__(self, node: int) -> bytes:
        if len(self) >= _KEPT:
            self.clear()
        base_name = _json(self._base_name.replace("{node}", node_text(node))).replace(b"%", b"%%")
        base = self[node] = b'{"bn":%s,"bt":%%d,"n":"seq","v":%%d}' % base_name
        return base


class _Records(dict[tuple[int, int | None], bytes]):
    """By quantity and value in the wire's scale: the record."""

    def __init__(self, fill_scale: int, units: Units) -> None:
        self._fill_scale = fill_scale
        self._units = units

    def __missing__(self, measured: tuple[int, int]) -> bytes:
        if len(self) >= _KEPT:
            self.clear()
        quantity, value = measured
        record: dict[str, int | float | str | bool] = {"n": quantity_name(quantity)}
        if is_boolean(quantity):
            record["vb"] = value == 1
        else:
            if unit_text := unit(quantity, self._fill_scale, self._units):
                record["u"] = unit_text
            record["v"] = scaled(quantity, value, self._fill_scale, self._units)
        text = self[measured] = _json(record)
        return text


@lru_cache(_KEPT)
def _reception(rssi_dbm: int, snr_q4: int | None) -> bytes:
    """The records of RSSI and, if known, SNR."""
    rssi = _json({"n": "rssi", "u": "dBm", "v": rssi_dbm})
    return rssi if snr_q4 is None else rssi + b"," + _json({"n": "snr", "u": "dB", "v": snr_q4 / 4})


def _make(options: Options, context: kind.PlatformContext) -> SenmlProfile:
    return SenmlProfile(
        options.topic or TOPIC,
        context.gateway,
        options.device or (_DEV_URN % options.organization if options.organization else BASE_NAME),
        options.fill_scale or 1,
        options.signal,
        kind.units(options),
        options.backlog_topic,
        options.node_topic or "",
    )


def _wrong(options: Options) -> str:
    fault = kind.device(options, r"[A-Za-z0-9\-:./_]*", "letters, digits and - : . / _ (RFC 8428)")
    if options.device is not None and options.organization is not None:
        return "organization: expected nothing here beside device, which is the whole base name"
    return fault or kind.topics(options) or kind.template("node_topic", options.node_topic, _BRACES)


KIND = kind.Kind(Options, _make, _wrong)
