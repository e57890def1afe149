"""Frames of nodes that are not in the registry: who, since when, how well heard. Never what they say.

Anybody can send any id, so the list is bounded: ids that were heard once make room for newer ones, then those
that have been silent for an hour. It reaches the store now and then, as one small value.
"""

from collections.abc import Callable

import msgspec

from lyhord_gateway.model.uplink import Uplink

KEY = "unknown_nodes"  # of the kept value
UNKNOWN_NODES_MAX = 256
NOT_LISTED = "unknown_nodes.not_listed"  # a counter
_FORGET_S = 30 * 86_400
_SILENT_S = 3600
_SAVE_S = 60  # a new one is in the store after a minute at most …
_SAVE_COUNTS_S = 600  # … what is new of a known one later: a card wears out by writing


class UnknownSender(msgspec.Struct, array_like=True):
    """first_s, last_s: when it was heard, Unix seconds. rssi_dbm: the best, None without a radio; source:
    who heard that."""

    node: int
    first_s: int
    last_s: int
    count: int
    rssi_dbm: int | None
    source: str


_decoder = msgspec.json.Decoder(list[UnknownSender])


def unpack(kept: bytes | None) -> list[UnknownSender]:
    """The list as it was kept; the one heard last comes first. What cannot be read is no loss."""
    try:
        return sorted(_decoder.decode(kept or b"[]"), key=lambda one: -one.last_s)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return []


class UnknownNodes:
    """keep: makes the packed list durable. count: counts by name."""

    def __init__(
        self, kept: bytes | None, keep: Callable[[bytes], None], count: Callable[[str], None]
    ) -> None:
        self._found = {one.node: one for one in unpack(kept)[:UNKNOWN_NODES_MAX]}
        self._once = dict.fromkeys(node for node, one in reversed(self._found.items()) if one.count == 1)
        self._keep = keep
        self._count = count
        self._new = False
        self._changed = False
        self._saved_s = 0

    def heard(self, node: int, uplink: Uplink) -> None:
        """Takes note of one reception."""
        found = self._found.get(node)
        if found is None:
            if not self._make_room(uplink.heard_s):
                self._count(NOT_LISTED)
                return
            self._found[node] = UnknownSender(
                node, uplink.heard_s, uplink.heard_s, 1, uplink.rssi_dbm, uplink.source
            )
            self._once[node] = None
            self._new = True
            return
        found.count += 1
        found.last_s = uplink.heard_s
        if uplink.rssi_dbm is not None and (found.rssi_dbm is None or uplink.rssi_dbm > found.rssi_dbm):
            found.rssi_dbm, found.source = uplink.rssi_dbm, uplink.source
        self._once.pop(node, None)
        self._changed = True

    def listed(self) -> list[UnknownSender]:
        return list(self._found.values())

    def save(self, now_s: int, at_once: bool = False) -> None:
        """Keeps the list if it is time to."""
        waited_s = abs(now_s - self._saved_s)
        due = (self._new and waited_s >= _SAVE_S) or (self._changed and waited_s >= _SAVE_COUNTS_S)
        if not (due or (at_once and (self._new or self._changed))):
            return
        for node in [node for node, one in self._found.items() if one.last_s < now_s - _FORGET_S]:
            self._forget(node)
        self._keep(msgspec.json.encode(self.listed()))
        self._new = self._changed = False
        self._saved_s = now_s

    def _make_room(self, now_s: int) -> bool:
        if len(self._found) < UNKNOWN_NODES_MAX:
            return True
        oldest = next(iter(self._once), None)
        if oldest is None:
            silent = min(self._found.values(), key=lambda one: one.last_s)
            if silent.last_s > now_s - _SILENT_S:
                return False
            oldest = silent.node
        self._forget(oldest)
        return True

    def _forget(self, node: int) -> None:
        self._once.pop(node, None)
        del self._found[node]
