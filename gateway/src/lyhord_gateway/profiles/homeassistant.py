"""Home Assistant over MQTT: devices that it discovers by itself, and one state topic per node.

    homeassistant/device/lyhord-000a01/config   retained: what the node is and which entities it has
    lyhord/{gateway}/{node}/state               {"time": "…", "node": "000a01", "seq": 1, "fill_level": 63, …}
    lyhord/{gateway}/{node}/backlog             the same for what is no state any more

The gateway's health topic (`operation/status_publisher.py`) says whether the devices are available: not if
it is gone.

Home Assistant has no time in a state: what arrives is true now. So a sample that came after a younger one of
its node, or is older than an entity's life (expire_s), does not go to the state topic but to the backlog
topic, where nothing is lost and no entity listens. States are not retained: Home Assistant would take an old
one for a new one at its start; it restores what has not expired by itself.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import msgspec

from lyhord_gateway.model.reading import (
    Message,
    NodeFacts,
    Reading,
    Sharing,
    node_text,
    quantity_name,
)
from lyhord_gateway.profiles import DEVICE, Profile
from lyhord_gateway.profiles.entities import components
from lyhord_gateway.profiles.flat import Flat, alarm_names, utc
from lyhord_gateway.profiles.scale import SI, Units, is_boolean

TOPIC = "lyhord/{gateway}/{node}/state"
BACKLOG = "lyhord/{gateway}/{node}/backlog"
PREFIX = "homeassistant"
EXPIRE_S = 14_400  # four of a node's usual report periods

_AVAILABLE = "{{ 'offline' if value_json.state == 'gone' else 'online' }}"
_PERCENT = 100


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

    def announce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
        device = self.device.replace("{node}", node_text(facts.node))
        shown = components(facts.profile, quantities, self.units, self.signal)
        for name, component in shown.items():
            component["unique_id"] = f"{device}_{name}"
            if self.expire_s:
                component["expire_after"] = self.expire_s
        config: dict[str, object] = {
            "dev": _device(device, facts),
            "o": {"name": "lyhord-gateway"},
            "cmps": shown,
            "state_topic": self._filled(self.topic_template, facts.node),
            "qos": 1,
        }
        if self.status_topic:
            config["availability"] = [{"topic": self.status_topic, "value_template": _AVAILABLE}]
        topic = f"{self.prefix}/device/{device}/config"
        return [Message(topic, msgspec.json.encode(config), retain=True, about=facts.node)]

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
        for quantity, value in reading.values.items():
            if is_boolean(quantity) and value is not None:
                state[quantity_name(quantity)] = value == 1
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
