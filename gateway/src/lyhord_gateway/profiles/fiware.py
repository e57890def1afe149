"""FIWARE's IoT Agent for JSON over MQTT: measures of one device, with the time of the sample.

    /json/{api key}/lyhord-000a01/attrs
    {"TimeInstant": "2026-01-01T00:15:00Z", "seq": 1, "fill_level": 0.63, …, "backlog": false}

Several samples are an array of such groups, oldest arrival first; one sample is a plain object, which older
agents take as well. The agent turns every name into an attribute that stays until it is written again, so
`backlog` is in every group.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
from msgspec import Meta

from lyhord_gateway.model.reading import Message, NodeFacts, Reading, node_text
from lyhord_gateway.options.platform_options import Batched, NodeName, NodeStatus
from lyhord_gateway.profiles import DEVICE, Profile, kind
from lyhord_gateway.profiles.flat import Flat, Values, about_node, utc
from lyhord_gateway.profiles.scale import fraction

# Orion refuses a whole request for one of these (its manual, "Forbidden characters").
_FORBIDDEN = str.maketrans("", "", "<>\"'=;()")
_E6 = 1_000_000


class Options(
    Batched,
    frozen=True,
    forbid_unknown_fields=True,
    kw_only=True,
    tag_field="profile",
    tag="fiware-iota-json",
):
    """FIWARE's IoT Agent for JSON; its topics are made from the API key and the device."""

    api_key: Annotated[
        str,
        Meta(
            description="File (mode 0600) with the API key of the service group.",
            examples=["fiware.key"],
        ),
    ] = ""
    device: Annotated[
        NodeName | None,
        Meta(
            description="Device id of a node; {node} is its id. Left out: lyhord-{node}.",
            examples=["lyhord-{node}"],
        ),
    ] = None
    node_status: NodeStatus = True


@dataclass(frozen=True, slots=True)
class FiwareProfile(Profile):
    """api_key: of the service group, part of every topic; device: the device id, {node} in it."""

    api_key: str = field(repr=False)
    device: str = DEVICE
    flat: Flat = field(default_factory=Flat)
    node_status: bool = False

    def announce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
        known: dict[str, str | None] = {
            "name": None if facts.name is None else facts.name.translate(_FORBIDDEN),
            "location": _place(facts),
            "firmware": facts.version,
        }
        told: Values = {name: value for name, value in known.items() if value}
        if self.node_status:
            told |= about_node(facts, self.flat.units)
        if not told:
            return []
        return [Message(self._topic(facts.node), msgspec.json.encode(told), about=facts.node)]

    def retract(self, facts: NodeFacts) -> list[Message]:
        if not self.node_status:
            return []
        told = msgspec.json.encode({"in_service": False})
        return [Message(self._topic(facts.node), told, about=facts.node)]

    def topic(self, reading: Reading) -> str:
        return self._topic(reading.node)

    def payload(self, readings: Sequence[Reading]) -> bytes:
        groups = [self._group(reading) for reading in readings]
        return msgspec.json.encode(groups[0] if len(groups) == 1 else groups)

    def _topic(self, node: int) -> str:
        return f"/json/{self.api_key}/{self.device.replace('{node}', node_text(node))}/attrs"

    def _group(self, reading: Reading) -> Values:
        group: Values = {"TimeInstant": utc(reading.time_s), **self.flat.values(reading)}
        group["backlog"] = reading.backlog
        return group


def _place(facts: NodeFacts) -> str | None:
    """`latitude,longitude`: what the agent's type geo:point expects."""
    if facts.latitude_e6 is None or facts.longitude_e6 is None:
        return None
    return f"{fraction(facts.latitude_e6, _E6)},{fraction(facts.longitude_e6, _E6)}"


def _make(options: Options, context: kind.PlatformContext) -> FiwareProfile:
    flat = Flat(options.fill_scale or 1, kind.units(options), options.signal)
    return FiwareProfile(context.secret, options.device or DEVICE, flat, options.node_status)


def _wrong(options: Options) -> str:
    if fault := kind.device(options, r"[A-Za-z0-9\-._:]*", "letters, digits and - . _ :"):
        return fault
    return "" if options.api_key else "api_key: expected the file with the API key of the service group"


KIND = kind.Kind(Options, _make, _wrong, secret="api_key")
