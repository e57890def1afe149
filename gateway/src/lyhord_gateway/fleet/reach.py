"""The settings that would lose a node: one after which this gateway cannot hear it any more is refused.

A node takes every setting that is in range. One that moves it to where nobody listens comes true at once, and
the order that would bring it back never arrives. Known is through which sources a node is heard, and what
these hear: a bridge one channel and one spreading factor, a concentrator all of them.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lyhord_gateway.config.tree import Loaded
from lyhord_gateway.model.orders import OrderRefused
from lyhord_gateway.model.reading import node_text
from lyhord_wire.lora import UPLINK_CHANNELS
from lyhord_wire.tables import CHANNELS, FASTEST_SF, LINK, SPREADING_FACTOR

WIFI = "mqtt"  # the source's name
_LINK_LORA, _LINK_WIFI = 1, 2
_LOOK_BACK = 200  # samples
_BITS = {freq_hz: 1 << bit for bit, (freq_hz, _) in enumerate(UPLINK_CHANNELS)}


@dataclass(frozen=True, slots=True)
class Receiver:
    """A bridge's frequency and spreading factor; freq_hz in Hz."""

    name: str
    freq_hz: int
    sf: int


@dataclass(frozen=True, slots=True)
class Reach:
    """The configured sources. wifi: nodes can come over MQTT."""

    receivers: Sequence[Receiver] = ()
    concentrators: bool = False
    wifi: bool = False

    def refuse(self, connection: sqlite3.Connection, node: int, settings: Mapping[int, int]) -> None:
        """Raises OrderRefused in one line, if these settings (id → value) would make the node unheard."""
        if not settings.keys() & {LINK, SPREADING_FACTOR, FASTEST_SF, CHANNELS}:
            return
        heard = _heard_by(connection, node)
        link = settings.get(LINK)
        if link == _LINK_WIFI and not (self.wifi and WIFI in heard):
            raise _refused(f"link: expected not 2, node {node_text(node)} was never heard over WiFi")
        if link == _LINK_LORA and not ((self.receivers or self.concentrators) and heard - {WIFI}):
            raise _refused(f"link: expected not 1, node {node_text(node)} was never heard over LoRa")
        receivers = self._only(heard)
        if receivers:
            _refuse_radio(receivers, settings)

    def _only(self, heard: set[str]) -> Sequence[Receiver]:
        """The bridges, if nothing else hears this node over LoRa."""
        radios = heard - {WIFI}
        receivers = [receiver for receiver in self.receivers if receiver.name in radios]
        if len(receivers) < len(radios):  # concentrators hear it, or a bridge that is gone
            return () if self.concentrators else receivers or self.receivers
        if heard:
            return receivers
        return () if self.concentrators else self.receivers


def reach(loaded: Loaded) -> Reach:
    """The frequencies and spreading factors that the sources of this configuration can hear."""
    receivers = [Receiver(*receiver) for one in loaded.sources for receiver in one.kind.narrow(one.options)]
    radios = {part for one in loaded.sources if one.kind.radio for part in one.parts}
    wifi = any(WIFI in one.parts for one in loaded.sources)
    return Reach(receivers, bool(radios - {receiver.name for receiver in receivers}), wifi)


def _heard_by(connection: sqlite3.Connection, node: int) -> set[str]:
    rows = connection.execute(
        "SELECT source FROM session WHERE node = ?1 AND heard_s > 0 UNION "
        "SELECT source FROM (SELECT source FROM sample WHERE node = ?1 ORDER BY seq DESC LIMIT ?2)",
        (node, _LOOK_BACK),
    )
    return {str(source) for (source,) in rows}


def _refuse_radio(receivers: Sequence[Receiver], settings: Mapping[int, int]) -> None:
    names = " and ".join(receiver.name for receiver in receivers)
    factors = sorted({receiver.sf for receiver in receivers})
    expected = " or ".join(map(str, factors))
    slowest, fastest = settings.get(SPREADING_FACTOR), settings.get(FASTEST_SF)
    if slowest is not None and slowest not in factors:
        raise _refused(f"spreading_factor: expected {expected}, bridge {names} hears no other")
    if fastest is not None and fastest < factors[0]:
        raise _refused(f"fastest_sf: expected {factors[0]} or more, bridge {names} hears no faster one")
    mask = settings.get(CHANNELS)
    bits = sum({_BITS.get(receiver.freq_hz, 0) for receiver in receivers})
    if mask is not None and bits and mask & ~bits:
        raise _refused(f"channels: expected {bits}, bridge {names} hears no other")


def _refused(text: str) -> OrderRefused:
    return OrderRefused(text, "unheard")
