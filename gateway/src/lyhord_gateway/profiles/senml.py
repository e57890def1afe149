"""SenML (RFC 8428, units also from RFC 8798): one pack per message, many nodes in it.

    [{"bn": "urn:dev:ops:lyhord-000a01:", "bt": 1767225600, "n": "seq", "v": 1},
     {"n": "fill_level", "u": "/", "v": 0.63}, …]

Every reading begins with a record that sets base name and base time and carries the sample number: base
name and `seq` are the reading's identity. A quantity without a valid value has no record. A reading that
came after a younger one of its node has the record {"n": "backlog", "vb": true}.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.flat import alarm_text
from lyhord_gateway.profiles.scale import SI, Units, scaled, unit
from lyhord_gateway.reading import Reading, node_text, quantity_name
from lyhord_wire.tables import OCCUPANCY

BASE_NAME = "urn:dev:ops:lyhord-{node}:"

_Record = dict[str, int | float | str | bool]


@dataclass(frozen=True, slots=True)
class SenmlProfile(Profile):
    """topic_template: {gateway}, {node}; base_name: {node}; fill_scale: 1 or 100; signal: with RSSI, SNR;
    backlog_template: a topic of its own for readings that came late."""

    topic_template: str
    gateway: str
    base_name: str = BASE_NAME
    fill_scale: int = 1
    signal: bool = True
    units: Units = SI
    backlog_template: str | None = None

    def topic(self, reading: Reading) -> str:
        template = self.backlog_template if reading.backlog else None
        topic = (template or self.topic_template).replace("{gateway}", self.gateway)
        return topic.replace("{node}", node_text(reading.node))

    def payload(self, readings: Sequence[Reading]) -> bytes:
        pack: list[_Record] = []
        for reading in readings:
            self._append(pack, reading)
        return msgspec.json.encode(pack)

    def _append(self, pack: list[_Record], reading: Reading) -> None:
        base_name = self.base_name.replace("{node}", node_text(reading.node))
        pack.append({"bn": base_name, "bt": reading.time_s, "n": "seq", "v": reading.seq})
        for quantity, value in reading.values.items():
            if value is None:
                continue
            record: _Record = {"n": quantity_name(quantity)}
            if quantity == OCCUPANCY:
                record["vb"] = value == 1
            else:
                if unit_text := unit(quantity, self.fill_scale, self.units):
                    record["u"] = unit_text
                record["v"] = scaled(quantity, value, self.fill_scale, self.units)
            pack.append(record)
        if reading.alarms is not None:
            pack.append({"n": "alarms", "vs": alarm_text(reading.alarms)})
        if reading.backlog:
            pack.append({"n": "backlog", "vb": True})
        if self.signal and reading.rssi_dbm is not None:
            pack.append({"n": "rssi", "u": "dBm", "v": reading.rssi_dbm})
            if reading.snr_q4 is not None:
                pack.append({"n": "snr", "u": "dB", "v": reading.snr_q4 / 4})
