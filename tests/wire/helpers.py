"""Helpers of several wire tests, on CPython and on MicroPython."""

import os
import random
from binascii import unhexlify

from lyhord_wire.ccm import Ccm
from lyhord_wire.refusal import Refused

try:
    from cryptolib import aes
except ImportError:  # CPython
    from tests.wire.aes_on_cpython import Aes as aes


def cipher(key):
    """Our own CCM under `key` (bytes, or hex as in the vectors)."""
    return Ccm(aes, unhexlify(key) if isinstance(key, str) else key)


def refusal(call, *arguments):
    """The reason for which `call(*arguments)` refuses, or None if it does not refuse."""
    try:
        call(*arguments)
    except Refused as refused:
        return refused.reason
    return None


def raises(kind, call, *arguments):
    """True if `call(*arguments)` raises `kind`."""
    try:
        call(*arguments)
    except kind:
        return True
    return False


def seed_random():
    """Seeds `random` afresh, or with LYHORD_TEST_SEED, and prints the seed, which pytest shows on failure."""
    seed = int(os.getenv("LYHORD_TEST_SEED") or int.from_bytes(os.urandom(4), "big"))
    print("LYHORD_TEST_SEED=%d" % seed)
    random.seed(seed)


def int_keys(value):
    """A parsed JSON value with the numbers in its keys as integers again."""
    if isinstance(value, dict):
        return {int(key) if key.isdigit() else key: int_keys(item) for key, item in value.items()}
    if isinstance(value, list):
        return [int_keys(item) for item in value]
    return value


def as_vector(sample):
    """A report's sample in the shape of the vectors' list."""
    shape = {"seq": sample.seq}
    if sample.time is None:
        shape["age"] = sample.age
    else:
        shape["time"] = sample.time
        assert sample.age is None
    shape.update(sample.values)
    return shape
