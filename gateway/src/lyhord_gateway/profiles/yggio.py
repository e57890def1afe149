"""Yggio's generic MQTT, version 2: one message is one sample of one node.

    yggio/generic/v2/{credential set}/lyhord-000a01
    {"reportedAt": "2026-01-01T00:15:00Z", "node": "000a01", "seq": 1, "fill_level": 0.63, …}

The part of the topic after the credential set is what was reserved for the node at the platform
(`POST /api/reserved-mqtt-topics`) and is its secret there (`POST /api/iotnodes`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from lyhord_gateway.model.reading import Reading, Sharing, node_text
from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.flat import Flat, Values, utc


@dataclass(frozen=True, slots=True)
class YggioProfile(Profile):
    """topic_template: begins with yggio/generic/v2/ and has {node} in it; {gateway} is replaced too."""

    topic_template: str
    gateway: str
    flat: Flat = field(default_factory=Flat)

    def topic(self, reading: Reading) -> str:
        topic = self.topic_template.replace("{gateway}", self.gateway)
        return topic.replace("{node}", node_text(reading.node))

    def payload(self, readings: Sequence[Reading]) -> bytes:
        (reading,) = readings
        values: Values = {"reportedAt": utc(reading.time_s), "node": node_text(reading.node)}
        values |= self.flat.values(reading)
        if reading.backlog:
            values["backlog"] = True
        return msgspec.json.encode(values)

    def sharing(self) -> Sharing:
        return Sharing.ALONE
