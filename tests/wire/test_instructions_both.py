"""Instructions and about: vectors, ranges, and what is refused."""

from binascii import hexlify, unhexlify

from lyhord_wire import cbor
from lyhord_wire.about import TEXT_MAX, decode_about, encode_about
from lyhord_wire.instructions import (
    AGAIN,
    COMMAND,
    SETTINGS,
    SETTINGS_VERSION,
    STORED,
    TIME,
    decode_instructions,
    encode_instructions,
)
from lyhord_wire.report import U32_MAX
from lyhord_wire.tables import SETTINGS as SETTINGS_TABLE
from tests.vectors import load
from tests.wire.helpers import int_keys, refusal

MICROPYTHON_HEAPS = ("1m", "128k")

ABOUT = {0: "Storgatan 1", 1: 59_329_323, 2: 18_068_581, 3: 1, 4: "devkit_rfm95", 5: 1200, 6: 200, 7: 65536}


def plain(instructions):
    """With lists for tuples, as the vectors have them."""
    return {
        key: list(value) if isinstance(value, (list, tuple)) else value for key, value in instructions.items()
    }


def test_instruction_vectors_in_both_directions():
    count = 0
    for vector in load("frames"):
        if vector["direction"] != "down":
            continue
        count += 1
        payload = unhexlify(vector["payload"])
        instructions = decode_instructions(payload)
        assert plain(instructions) == int_keys(vector["instructions"]), vector["name"]
        assert hexlify(encode_instructions(instructions)).decode() == vector["payload"], vector["name"]
    assert count == 4


def test_the_ends_of_every_instruction():
    for instructions in (
        {},
        {TIME: 0, STORED: 0, SETTINGS_VERSION: 0},
        {TIME: U32_MAX, STORED: U32_MAX + 1, SETTINGS_VERSION: U32_MAX},
        {AGAIN: [0, 1]},
        {AGAIN: [U32_MAX, U32_MAX]},
        {SETTINGS: {}},
        {SETTINGS: {key: setting.low for key, setting in SETTINGS_TABLE.items()}},
        {SETTINGS: {key: setting.high for key, setting in SETTINGS_TABLE.items()}},
        {COMMAND: [1]},
        {COMMAND: [4, 30, -1]},
    ):
        assert plain(decode_instructions(encode_instructions(instructions))) == instructions


def test_a_setting_outside_its_range_is_the_node_s_to_refuse():
    assert decode_instructions(cbor.encode({SETTINGS: {1: 5, 200: -1}})) == {SETTINGS: {1: 5, 200: -1}}


def test_instructions_of_a_later_gateway_are_left_out():
    assert decode_instructions(cbor.encode({TIME: 5, 6: "new", 255: [None]})) == {TIME: 5}


def test_instructions_of_the_wrong_shape_are_refused():
    for message in (
        None,
        5,
        [],
        {"time": 5},
        {-1: 5},
        {TIME: None},
        {TIME: "5"},
        {TIME: -1},
        {TIME: U32_MAX + 1},
        {STORED: -1},
        {STORED: U32_MAX + 2},
        {AGAIN: 5},
        {AGAIN: []},
        {AGAIN: [1]},
        {AGAIN: [1, 2, 3]},
        {AGAIN: [-1, 2]},
        {AGAIN: [1, 0]},
        {AGAIN: [1, None]},
        {SETTINGS: []},
        {SETTINGS: {"a": 1}},
        {SETTINGS: {0: 1}},
        {SETTINGS: {1: None}},
        {SETTINGS: {1: "900"}},
        {SETTINGS: {1: 1 << 40}},
        {SETTINGS_VERSION: -1},
        {SETTINGS_VERSION: None},
        {COMMAND: 1},
        {COMMAND: []},
        {COMMAND: [1] * 9},
        {COMMAND: ["restart"]},
        {COMMAND: [None]},
    ):
        assert refusal(decode_instructions, cbor.encode(message)) == "schema", message


def test_bytes_that_are_no_cbor_are_refused_as_such():
    for payload in (b"", b"\xff", b"\xa1\x00\x18\x05", b"\xa0\x00"):
        assert refusal(decode_instructions, payload) == "cbor", payload
        assert refusal(decode_about, payload) == "cbor", payload


def test_about_comes_back():
    assert decode_about(encode_about(ABOUT)) == ABOUT
    assert decode_about(encode_about({})) == {}
    swedish = {0: "Sk\u00e4rg\u00e5rdsv\u00e4gen \u00d6"}
    assert decode_about(encode_about(swedish)) == swedish


def test_the_ends_of_every_about_field():
    for key, low, high in (
        (1, -90_000_000, 90_000_000),
        (2, -180_000_000, 180_000_000),
        (5, 0, 20_000),
        (6, 0, 20_000),
        (7, 0, 0xFFFFFF),
    ):
        for value, expected in ((low, None), (high, None), (low - 1, "schema"), (high + 1, "schema")):
            assert refusal(decode_about, encode_about({key: value})) == expected, (key, value)


def test_texts_are_counted_in_bytes():
    assert TEXT_MAX == 24
    for key in (0, 4):
        for text, expected in (
            ("", None),
            ("x" * 24, None),
            ("\u00e5" * 12, None),
            ("x" * 25, "schema"),
            ("\u00e5" * 12 + "x", "schema"),
        ):
            assert refusal(decode_about, encode_about({key: text})) == expected, text


def test_about_of_the_wrong_shape_is_refused():
    for message in (
        [],
        None,
        {"name": "x"},
        {-1: 1},
        {0: 5},
        {0: b"x"},
        {0: None},
        {1: "59"},
        {3: 0},
        {3: None},
    ):
        assert refusal(decode_about, cbor.encode(message)) == "schema", message


def test_about_fields_of_a_later_node_are_left_out():
    assert decode_about(cbor.encode({0: "x", 8: [1], 255: None})) == {0: "x"}
