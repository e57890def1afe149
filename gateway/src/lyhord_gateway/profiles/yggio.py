"""Yggio's generic MQTT, version 2: one message is one sample of one node.

    yggio/generic/v2/{credential set}/lyhord-000a01
    {"reportedAt": "2026-01-01T00:15:00Z", "node": "000a01", "seq": 1, "fill_level": 0.63, …}

The part of the topic after the credential set is what was reserved for the node at the platform
(`POST /api/reserved-mqtt-topics`) and is its secret there (`POST /api/iotnodes`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import Meta

from lyhord_gateway.model.reading import Message, NodeFacts, Reading, Sharing, node_text
from lyhord_gateway.options.platform_options import NodeStatus, Platform, Topic
from lyhord_gateway.profiles import Profile, kind
from lyhord_gateway.profiles.flat import Flat, Values, about_node, utc

TOPICS = "yggio/generic/v2/"


class Options(
    Platform, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="profile", tag="yggio"
):
    """Yggio's generic MQTT, version 2: one message per reading; the topic is the node's name."""

    topic: Annotated[
        Topic | None,
        Meta(
            description="Needed: yggio/generic/v2/<credential set>/<reserved topic with {node}>.",
            examples=["yggio/generic/v2/city/lyhord-{node}"],
        ),
    ] = None
    node_status: NodeStatus = True


@dataclass(frozen=True, slots=True)
class YggioProfile(Profile):
    """topic_template: begins with yggio/generic/v2/ and has {node} in it; {gateway} is replaced too."""

    topic_template: str
    gateway: str
    flat: Flat = field(default_factory=Flat)
    node_status: bool = False

    @property
    def introduces(self) -> bool:
        return self.node_status

    def announce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
        told = about_node(facts, self.flat.units)
        return [self._told(facts.node, told)] if self.node_status else []

    def retract(self, facts: NodeFacts) -> list[Message]:
        return [self._told(facts.node, {"in_service": False})] if self.node_status else []

    def _told(self, node: int, values: Values) -> Message:
        return Message(
            self._topic(node), msgspec.json.encode({"node": node_text(node), **values}), about=node
        )

    def topic(self, reading: Reading) -> str:
        return self._topic(reading.node)

    def _topic(self, node: int) -> str:
        topic = self.topic_template.replace("{gateway}", self.gateway)
        return topic.replace("{node}", node_text(node))

    def payload(self, readings: Sequence[Reading]) -> bytes:
        (reading,) = readings
        values: Values = {"reportedAt": utc(reading.time_s), "node": node_text(reading.node)}
        values |= self.flat.values(reading)
        if reading.backlog:
            values["backlog"] = True
        return msgspec.json.encode(values)

    def health(self, topic: str, report: Mapping[str, object]) -> None:
        """It knows no topics but those of nodes."""

    def gone(self, topic: str, gateway: str) -> None:
        """As with health."""

    def sharing(self) -> Sharing:
        return Sharing.ALONE


def _make(options: Options, context: kind.PlatformContext) -> YggioProfile:
    flat = Flat(options.fill_scale or 1, kind.units(options), options.signal)
    return YggioProfile(options.topic or "", context.gateway, flat, options.node_status)


def _wrong(options: Options) -> str:
    if fault := kind.template("topic", options.topic, ("gateway", "node"), "node"):
        return f"{fault} for yggio" if fault.endswith("in it") else fault
    if not (options.topic or "").startswith(TOPICS):
        return f"topic: expected {TOPICS}<credential set>/<reserved topic with {{node}}>"
    return ""


KIND = kind.Kind(Options, _make, _wrong, readable=False)
