"""Parsers of the wire under fuzzing: CBOR, what it says, and the serial line.

A *check* takes any bytes and raises AssertionError, or whatever the parser should not have raised.
"""

import itertools
from collections.abc import Callable
from typing import TypeVar

from cobs import cobs as independent_cobs

from lyhord_wire import bridge, cbor, cobs
from lyhord_wire.about import decode_about, encode_about
from lyhord_wire.frame import MAX_FRAME
from lyhord_wire.instructions import decode_instructions, encode_instructions
from lyhord_wire.refusal import CBOR, SCHEMA, Refused
from lyhord_wire.report import decode_report, encode_report
from tests.wire.verdicts import REFUSED, ours, theirs

T = TypeVar("T")


def check_cbor(data: bytes) -> None:
    """Our verdict is cbor2's, and what is accepted is the one encoding of its value."""
    value = ours(data)
    assert value == theirs(data)
    if value is not REFUSED:
        assert cbor.encode(value) == data


def check_report(data: bytes) -> None:
    report = _decoded(decode_report, data)
    if report is None:
        return
    assert report.count() == len(report.samples())
    again = decode_report(encode_report(report))
    assert vars(again) == vars(report)


def check_about(data: bytes) -> None:
    about = _decoded(decode_about, data)
    if about is not None:
        assert decode_about(encode_about(about)) == about


def check_instructions(data: bytes) -> None:
    instructions = _decoded(decode_instructions, data)
    if instructions is not None:
        again = decode_instructions(encode_instructions(instructions))
        assert again == instructions


def check_serial(data: bytes) -> None:
    """The first byte says how: odd, the rest is the CBOR of messages, framed here; even, it is the line."""
    if not data:
        return
    line = data[1:]
    if data[0] & 1:
        line = b"".join(cobs.encode(part) for part in line.split(b"\0") if len(part) < 480)
    whole, piecewise = cobs.Deframer(), cobs.Deframer()
    messages = whole.feed(line)
    step = max(1, data[0] >> 1)
    pieces = [line[at : at + step] for at in range(0, len(line), step)]
    assert list(itertools.chain.from_iterable(map(piecewise.feed, pieces))) == messages
    assert piecewise.dropped == whole.dropped
    for message in messages:
        framed = cobs.encode(message)
        assert len(framed) <= cobs.MAX_SIZE
        assert independent_cobs.decode(framed[:-1])[:-4] == message
        _bridge_message(message)


def _bridge_message(message: bytes) -> None:
    said = _decoded(bridge.decode, message)
    if said is None:
        return
    again = bridge.decode(bridge.encode(said))
    assert type(again) is type(said)
    assert again.fields() == said.fields()
    if isinstance(said, bridge.Received | bridge.Transmit):
        assert 1 <= len(said.data) <= 255


def _decoded(decode: Callable[[bytes], T], data: bytes) -> T | None:
    """The value, or None if it was refused as the protocol says: bad CBOR is never called a bad schema."""
    try:
        return decode(data)
    except Refused as refused:
        assert refused.reason in (CBOR, SCHEMA)
        if len(data) <= 2 * MAX_FRAME:
            assert (refused.reason == CBOR) == (ours(data) is REFUSED)
        return None
