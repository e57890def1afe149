"""Home Assistant over MQTT: devices that it discovers by itself, and one state topic per node.

    homeassistant/device/{gateway}/lyhord-000a01/config
                                retained: what the node is and which entities it has; empty: it is gone
    lyhord/{gateway}/{node}/status              retained: what it has told of itself: battery, faults …
    lyhord/{gateway}/{node}/state               {"time": "…", "node": "000a01", "seq": 1, "fill_level": 63, …}
    lyhord/{gateway}/{node}/backlog             the same for what is no state any more

Topics and identifiers of entities have the gateway in them: two gateways that hear one node each have
entities of their own, on one device, and each is available while its own gateway is.

The gateway's health topic (`operation/status_publisher.py`) says whether the devices are available: not if
it is gone.

Home Assistant has no time in a state: what arrives is true now. So a sample that came after a younger one of
its node, or is older than an entity's life (expire_s), does not go to the state topic but to the backlog
topic, where nothing is lost and no entity listens. States are not retained: Home Assistant would take an old
one for a new one at its start; it restores what has not expired by itself.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from lyhord_gateway.model.reading import (
    Message,
    NodeFacts,
    Reading,
    Sharing,
    node_text,
    quantity_name,
)
from lyhord_gateway.options.platform_options import Name, NodeName, NodeStatus, Platform, Topic
from lyhord_gateway.profiles import DEVICE, GATEWAY, Profile, kind
from lyhord_gateway.profiles.entities import components, status_components
from lyhord_gateway.profiles.flat import Flat, about_node, alarm_names, utc
from lyhord_gateway.profiles.scale import SI, Units

TOPIC = "lyhord/{gateway}/{node}/state"
BACKLOG = "lyhord/{gateway}/{node}/backlog"
STATUS = "lyhord/{gateway}/{node}/status"
PREFIX = "homeassistant"
EXPIRE_S = 14_400  # four of a node's usual report periods

_AVAILABLE = "{{ 'offline' if value_json.state == 'gone' else 'online' }}"
_PERCENT = 100


class Options(
    Platform, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="profile", tag="homeassistant"
):
    """Home Assistant: devices that it discovers by itself, one message per reading."""

    topic: Annotated[
        Topic | None,
        Meta(
            description="Left out: lyhord/{gateway}/{node}/state. {gateway} and {node} are replaced.",
            examples=["lyhord/{gateway}/{node}/state"],
        ),
    ] = None
    backlog_topic: Annotated[
        Topic | None,
        Meta(
            description="Another topic for readings that came after a younger one of their node. Left out: "
            "lyhord/{gateway}/{node}/backlog.",
            examples=["lyhord/{gateway}/{node}/backlog"],
        ),
    ] = None
    device: Annotated[
        NodeName | None,
        Meta(
            description="Identifier of a node's device; {node} is its id. Left out: lyhord-{node}.",
            examples=["lyhord-{node}"],
        ),
    ] = None
    discovery_prefix: Annotated[Name, Meta(description="First part of the discovery topics.")] = PREFIX
    expire_s: Annotated[
        int,
        Meta(
            ge=0,
            le=31_536_000,
            description="An entity without news for so many seconds is unavailable, and an older reading is "
            "backlog. 0: never.",
        ),
    ] = EXPIRE_S
    node_status: NodeStatus = True


@dataclass(frozen=True, slots=True)
class HomeAssistantProfile(Profile):
    """now_s: Unix seconds. topic_template, backlog_template: {gateway}, {node}. device: identifier and
    last part of the discovery topic. expire_s: an entity without news for so long is unavailable; 0: never.
    status_topic: that of the gateway's health, "" if it is not told.
    """

    gateway: str
    now_s: Callable[[], float]
    topic_template: str = TOPIC
    backlog_template: str = BACKLOG
    device: str = DEVICE
    prefix: str = PREFIX
    expire_s: int = EXPIRE_S
    units: Units = SI
    signal: bool = True
    status_topic: str = ""
    node_status: bool = False

    def announce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
        device = self._device_of(facts.node)
        shown = components(facts.profile, quantities, self.units, self.signal)
        for component in shown.values():
            if self.expire_s:
                component["expire_after"] = self.expire_s
        told = about_node(facts, self.units) if self.node_status and facts.status else {}
        if told.get("faults") == "":
            told["faults"] = "none"  # nothing would leave the state as it was
        for name, component in status_components(told, self.units).items():
            shown[name] = component | {"state_topic": self._filled(STATUS, facts.node)}
        for name, component in shown.items():
            component["unique_id"] = f"{self._own}_{device}_{name}"
        config: dict[str, object] = {
            "dev": _device(device, facts),
            "o": {"name": "lyhord-gateway"},
            "cmps": shown,
            "state_topic": self._filled(self.topic_template, facts.node),
            "qos": 1,
        }
        if self.status_topic:
            config["availability"] = self._availability
        words = [
            Message(self._config(facts.node), msgspec.json.encode(config), retain=True, about=facts.node)
        ]
        if told:
            status = self._filled(STATUS, facts.node)
            words.append(Message(status, msgspec.json.encode(told), retain=True, about=facts.node))
        return words

    def greeting(self) -> list[Message]:
        """The gateway is a device as well, with its health."""
        if not self.status_topic:
            return []
        identifier = f"lyhord-gateway-{self._own}"
        problem = {
            "p": "binary_sensor",
            "name": "Problem",
            "device_class": "problem",
            "entity_category": "diagnostic",
            "value_template": "{{ 'ON' if value_json.state == 'unhealthy' else 'OFF' }}",
            "unique_id": f"{identifier}_problem",
        }
        config = {
            "dev": {"ids": [identifier], "name": f"Gateway {self.gateway}", "mf": "Lyhörd"},
            "o": {"name": "lyhord-gateway"},
            "cmps": {"problem": problem},
            "state_topic": self.status_topic,
            "qos": 1,
            "availability": self._availability,
        }
        topic = f"{self.prefix}/device/{self._own}/gateway/config"
        return [Message(topic, msgspec.json.encode(config), retain=True, about=GATEWAY)]

    @property
    def _availability(self) -> list[dict[str, str]]:
        return [{"topic": self.status_topic, "value_template": _AVAILABLE}]

    def retract(self, facts: NodeFacts) -> list[Message]:
        """Empty retained messages: the device and its entities go."""
        topics = [self._config(facts.node)]
        if self.node_status:
            topics.append(self._filled(STATUS, facts.node))
        return [Message(topic, b"", retain=True, about=facts.node) for topic in topics]

    def outdated(self, facts: NodeFacts) -> list[Message]:
        """The discovery topic was the same for all gateways once."""
        topic = f"{self.prefix}/device/{self._device_of(facts.node)}/config"
        return [Message(topic, b"", retain=True, about=facts.node)]

    @property
    def _own(self) -> str:
        """This gateway's name, as far as Home Assistant takes it in topics and identifiers."""
        return self.gateway.replace(".", "_")

    def _device_of(self, node: int) -> str:
        return self.device.replace("{node}", node_text(node))

    def _config(self, node: int) -> str:
        return f"{self.prefix}/device/{self._own}/{self._device_of(node)}/config"

    def topic(self, reading: Reading) -> str:
        expired = self.expire_s and reading.time_s < self.now_s() - self.expire_s
        past = reading.backlog or expired
        return self._filled(self.backlog_template if past else self.topic_template, reading.node)

    def payload(self, readings: Sequence[Reading]) -> bytes:
        (reading,) = readings
        flat = Flat(_PERCENT, self.units, self.signal)
        state: dict[str, object] = {
            "time": utc(reading.time_s),
            "node": node_text(reading.node),
            "seq": reading.seq,
        }
        # A sensor without a valid value says so: its entity becomes "unknown" and does not keep the old one.
        state |= dict.fromkeys(map(quantity_name, reading.values))
        state |= flat.measured(reading)
        if reading.alarms is not None:
            state["alarms"] = alarm_names(reading.alarms)
        return msgspec.json.encode(state | flat.heard(reading))

    def sharing(self) -> Sharing:
        return Sharing.ALONE

    def _filled(self, template: str, node: int) -> str:
        return template.replace("{gateway}", self.gateway).replace("{node}", node_text(node))


def _device(device: str, facts: NodeFacts) -> dict[str, object]:
    known: dict[str, object | None] = {
        "ids": [device],
        "name": facts.name or device,
        "mf": "Lyhörd",
        "mdl": facts.profile_name,
        "hw": facts.board,
        "sw": facts.version,
        "sn": node_text(facts.node),
    }
    return {name: value for name, value in known.items() if value is not None}


def _make(options: Options, context: kind.PlatformContext) -> HomeAssistantProfile:
    return HomeAssistantProfile(
        context.gateway,
        context.now_s,
        options.topic or TOPIC,
        options.backlog_topic or BACKLOG,
        options.device or DEVICE,
        options.discovery_prefix,
        options.expire_s,
        kind.units(options),
        options.signal,
        context.status_topic,
        options.node_status,
    )


def _wrong(options: Options) -> str:
    if fault := kind.device(options, r"[A-Za-z0-9\-_]*", "letters, digits and - _"):
        return fault
    if options.fill_scale == 1:
        return "fill_scale: expected 100 for homeassistant, which shows percent"
    return kind.topics(options, needed="node")


KIND = kind.Kind(Options, _make, _wrong)
