"""Checks of decoded values: the parts that every schema of ours is made of."""

from lyhord_wire.refusal import SCHEMA, Refused

U32_MAX = 0xFFFFFFFF


def whole(value: object, low: int, high: int, name: str) -> int:
    """`value` if it is an integer in low…high; raises Refused("schema") naming the field."""
    if type(value) is not int:  # and no bool, which isinstance() would let through
        raise Refused(SCHEMA, name + ": expected an integer")
    if not low <= value <= high:
        raise Refused(SCHEMA, "%s: %d is not in %d…%d" % (name, value, low, high))
    return value


def int_map(value: object, name: str) -> dict[object, object]:
    """`value` if it is a map; raises Refused("schema") naming the field."""
    if not isinstance(value, dict):
        raise Refused(SCHEMA, name + ": expected a map")
    return value
