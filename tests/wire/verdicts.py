"""The verdicts on some bytes of our CBOR decoder and, under our rules, of cbor2, an independent one."""

import cbor2

from lyhord_wire import cbor
from lyhord_wire.refusal import Refused

REFUSED = object()


def ours(data):
    try:
        return cbor.decode(data)
    except Refused as refused:
        assert refused.reason == "cbor"
        return REFUSED


def theirs(data):
    """cbor2's verdict under our rules: only our types, and encoded again it is the same bytes."""
    try:
        value = cbor2.loads(data, allow_indefinite=False, allow_duplicate_keys=False)
        if is_ours(value, 0) and cbor2.dumps(value) == data:  # cbor2 keeps a map's order
            return value
    except cbor2.CBORError:
        return REFUSED
    return REFUSED


def is_ours(value, depth):
    if value is None or type(value) in (str, bytes):
        return True
    if type(value) is int:
        return -(2**64) <= value < 2**64
    if type(value) is list:
        return depth < cbor.MAX_DEPTH and all(is_ours(item, depth + 1) for item in value)
    if type(value) is dict:
        keys = [cbor2.dumps(key) for key in value if type(key) in (int, str) and is_ours(key, 0)]
        return (
            depth < cbor.MAX_DEPTH
            and len(keys) == len(value)
            and keys == sorted(keys)
            and all(is_ours(item, depth + 1) for item in value.values())
        )
    return False
