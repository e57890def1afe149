"""ThingsBoard's gateway API over MQTT: connect, attributes and telemetry with milliseconds.

    v1/gateway/connect     {"device": "lyhord-000a01", "type": "bin"}
    v1/gateway/attributes  {"lyhord-000a01": {"name": "Storgatan 5", "firmware": "1.0.2", …}}
    v1/gateway/telemetry   {"lyhord-000a01": [{"ts": 1767225600000, "values": {"seq": 1, …}}]}

ThingsBoard keeps one value per device, key and millisecond, so a reading that is sent twice is one reading.
One that came after a younger one of its node has "backlog": true.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec

from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.flat import Flat, Values
from lyhord_gateway.profiles.scale import SI, Units
from lyhord_gateway.reading import Message, NodeFacts, Reading, firmware_text, node_text
from lyhord_wire.tables import PROFILES

DEVICE = "lyhord-{node}"

_TELEMETRY = "v1/gateway/telemetry"


@dataclass(frozen=True, slots=True)
class ThingsBoardProfile(Profile):
    """device: {node}; fill_scale: 1 or 100; signal: RSSI and SNR too."""

    device: str = DEVICE
    fill_scale: int = 1
    signal: bool = True
    units: Units = SI

    def introduce(self, facts: NodeFacts, quantities: Collection[int] = ()) -> list[Message]:
        device = self._device(facts.node)
        connect = {"device": device, "type": PROFILES.get(facts.profile or 0, "default")}
        messages = [Message("v1/gateway/connect", msgspec.json.encode(connect))]
        if attributes := _attributes(facts):
            messages.append(Message("v1/gateway/attributes", msgspec.json.encode({device: attributes})))
        return messages

    def topic(self, reading: Reading) -> str:
        return _TELEMETRY

    def payload(self, readings: Sequence[Reading]) -> bytes:
        flat = Flat(self.fill_scale, self.units, self.signal)
        devices: dict[str, list[dict[str, int | Values]]] = {}
        for reading in readings:
            values = flat.values(reading)
            if reading.backlog:
                values["backlog"] = True
            entry: dict[str, int | Values] = {"ts": reading.time_s * 1000, "values": values}
            devices.setdefault(self._device(reading.node), []).append(entry)
        return msgspec.json.encode(devices)

    def _device(self, node: int) -> str:
        return self.device.replace("{node}", node_text(node))


def _attributes(facts: NodeFacts) -> Values:
    known: Values = {
        "name": facts.name,
        "board": facts.board,
        "latitude": None if facts.latitude_e6 is None else facts.latitude_e6 / 1_000_000,
        "longitude": None if facts.longitude_e6 is None else facts.longitude_e6 / 1_000_000,
        "empty_distance_mm": facts.empty_mm,
        "full_distance_mm": facts.full_mm,
        "firmware": None if facts.firmware is None else firmware_text(facts.firmware),
    }
    return {name: value for name, value in known.items() if value is not None}
