"""Readings and nodes that the tests of the profiles share."""

from collections.abc import Callable

from lyhord_gateway.model.reading import NodeFacts, Reading

TIME_S = 1767225600  # 2026-01-01T00:00:00Z
ALL = {
    1: 63,
    2: 842,
    3: 214,
    4: 418,
    5: 3301,
    6: 90,
    7: 655,
    8: 12,
    9: 101325,
    10: 320,
    11: 4294967295,
    12: 1,
}
BIN = NodeFacts(0xA01, "Storgatan 5", 1, "devkit", 59195400, 17625300, 900, 100, 0x010002)
ROOM = NodeFacts(0xB02, "Biblioteket, plan 2", 2, "devkit", 59200000, 17600000, firmware=0x010002)
BARE = NodeFacts(0xC03)


def reading(seq: int = 1, values: dict[int, int | None] | None = None, **changes: object) -> Reading:
    """Sample `seq` of node 000a01, taken seq × 900 s after TIME_S."""
    fields = {
        "arrival": seq,
        "node": 0xA01,
        "seq": seq,
        "time_s": TIME_S + 900 * seq,
        "values": ALL if values is None else values,
        "alarms": None,
        "rssi_dbm": -97,
        "snr_q4": 26,
        "heard_by": "roof",
        "backlog": False,
    }
    return Reading(**{**fields, **changes})  # type: ignore[arg-type]


def registry(*known: NodeFacts) -> Callable[[int], NodeFacts]:
    facts = {node.node: node for node in known}
    return lambda node: facts.get(node) or NodeFacts(node)
