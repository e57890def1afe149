"""The canonical reading that every platform profile starts from, and the message that it ends in."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum

from msgspec import Struct

from lyhord_wire.tables import ALARMS, PROFILES, QUANTITIES

_NODE = re.compile(r"[0-9a-fA-F]{6}")


class Reading(Struct, frozen=True, array_like=True):
    """One sample of one node. (node, seq) is its identity from the air to the platform.

    arrival: the store's running number. values: quantity → integer in the wire's scale, None where the
    sensor gave no valid value. backlog: it was delivered after a younger sample of the same node.
    alarms: codes active at that moment, None if the report said nothing about alarms.
    """

    arrival: int
    node: int
    seq: int
    time_s: int
    values: dict[int, int | None]
    alarms: list[int] | None
    rssi_dbm: int | None
    snr_q4: int | None
    heard_by: str
    backlog: bool


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """The registry's facts of a node. Places in degrees × 10⁶, distances in millimetres.

    more: fields of about reports without an attribute here, by name and in their units. status: the fields of
    its last status that platforms are told (`lyhord_wire.tables.STATUS`), by key. enabled: it is in service;
    a node that was removed is not.
    """

    node: int
    name: str | None = None
    profile: int | None = None
    board: str | None = None
    latitude_e6: int | None = None
    longitude_e6: int | None = None
    empty_mm: int | None = None
    full_mm: int | None = None
    firmware: int | None = None
    more: Mapping[str, int | float | str] = field(default_factory=dict)
    status: tuple[tuple[int, int], ...] = ()
    enabled: bool = True

    @property
    def latitude(self) -> float | None:
        """In degrees."""
        return None if self.latitude_e6 is None else self.latitude_e6 / 1_000_000

    @property
    def longitude(self) -> float | None:
        """In degrees."""
        return None if self.longitude_e6 is None else self.longitude_e6 / 1_000_000

    @property
    def profile_name(self) -> str | None:
        return None if self.profile is None else PROFILES.get(self.profile)

    @property
    def version(self) -> str | None:
        """The firmware as people write it; on the wire: major « 16 | minor « 8 | patch."""
        if self.firmware is None:
            return None
        return f"{self.firmware >> 16}.{self.firmware >> 8 & 255}.{self.firmware & 255}"


@dataclass(frozen=True, slots=True)
class Message:
    """One MQTT message. readings: those that it carries. retain: the broker keeps it for whoever comes
    later. about: the node that it introduces; it carries no readings then."""

    topic: str
    payload: bytes = field(repr=False)
    readings: Sequence[Reading] = field(default=(), repr=False)
    retain: bool = False
    about: int | None = None


class Sharing(Enum):
    """The rule which readings with the same topic may share a message."""

    ANY = "any"
    ONCE_PER_NODE = "once per node"
    ALONE = "alone"


def quantity_name(quantity: int) -> str:
    """The quantity's name; `q` and its number for one that this version does not know."""
    known = QUANTITIES.get(quantity)
    return known.name if known else f"q{quantity}"


def alarm_name(alarm: int) -> str:
    """The alarm's name; `alarm_` and its number for one that this version does not know."""
    known = ALARMS.get(alarm)
    return known.name if known else f"alarm_{alarm}"


def snr_db(snr_q4: int | None) -> float | None:
    """Quarters of a decibel, as radios and the wire count, in dB."""
    return None if snr_q4 is None else snr_q4 / 4


def node_text(node: int) -> str:
    """A node id as people and topics write it: six hexadecimal digits."""
    return f"{node:06x}"


def node_of(text: str) -> int | None:
    """The node id in six hexadecimal digits; None if the text is no such thing."""
    return int(text, 16) or None if _NODE.fullmatch(text) else None
