"""The edges in docs/protocol.md: keys, lowest numbers, null, ages. A decoder written from that page
alone must agree with ours on each line here."""

from lyhord_wire import cbor
from lyhord_wire.about import decode_about
from lyhord_wire.instructions import decode_instructions
from lyhord_wire.report import decode_report
from tests.wire.helpers import refusal

I63 = 0x7FFFFFFFFFFFFFFF
I31 = 0x7FFFFFFF
NOW = 1_767_225_600


def report(*tail, columns=None, time=NOW, period=0, seq=0):
    return cbor.encode([seq, time, period, {1: 5} if columns is None else columns] + list(tail))


def test_keys_up_to_255_are_left_out_of_account_and_those_above_refuse_the_map():
    assert decode_about(cbor.encode({0: "x", 255: [1, "y"]})) == {0: "x"}
    assert decode_instructions(cbor.encode({1: 7, 255: {"a": None}})) == {1: 7}
    assert decode_report(report({2: 60, 255: 9})).status == {2: 60, 255: 9}
    for key in (256, -1, 65536, "name"):
        assert refusal(decode_about, cbor.encode({0: "x", key: 1})) == "schema"
        assert refusal(decode_instructions, cbor.encode({1: 7, key: 1})) == "schema"
        assert refusal(decode_instructions, cbor.encode({3: {1: 900, key: 1}})) == "schema"
        assert refusal(decode_report, report({2: 60, key: 9})) == "schema"
    assert refusal(decode_instructions, cbor.encode({3: {0: 1}})) == "schema"


def test_quantities_have_16_bits():
    assert decode_report(report(columns={1: 5, 65535: -7})).columns == {1: [5], 65535: [-7]}
    for key in (0, 65536, -1, "q"):
        assert refusal(decode_report, report(columns={key: 5})) == "schema"


def test_the_lowest_number_of_64_bits_is_no_value():
    for value in (I63, -I63):
        assert decode_report(report(columns={77: value})).columns == {77: [value]}
        assert decode_report(report({200: value})).status == {200: value}
    for value in (-I63 - 1, I63 + 1, -0x10000000000000000):
        assert refusal(decode_report, report(columns={77: value})) == "schema"
        assert refusal(decode_report, report({200: value})) == "schema"
    assert refusal(decode_report, report(columns={77: [1, I63]}, period=60)) == "schema"


def test_settings_and_arguments_have_32_bits_without_the_lowest():
    for value in (I31, -I31):
        assert decode_instructions(cbor.encode({3: {200: value}})) == {3: {200: value}}
        assert decode_instructions(cbor.encode({5: [4, value]})) == {5: [4, value]}
    for value in (-I31 - 1, I31 + 1, I63):
        assert refusal(decode_instructions, cbor.encode({0: NOW, 1: 7, 3: {1: value}})) == "schema"
        assert refusal(decode_instructions, cbor.encode({0: NOW, 1: 7, 5: [4, value]})) == "schema"


def test_a_null_status_is_none_with_alarms_behind_it_or_without():
    for tail in ((None,), ()):
        found = decode_report(report(*tail))
        assert found.status is None and found.alarms is None
    assert decode_report(report(None, [3])).alarms == [3]
    assert decode_report(report({}, [])).status == {}


def test_map_keys_that_are_neither_integer_nor_text_are_no_cbor_of_ours():
    for key in (b"\x41a", b"\x80", b"\xa0", b"\xf6"):
        for decode in (decode_about, decode_instructions):
            assert refusal(decode, b"\xa1" + key + b"\x01") == "cbor"
        assert refusal(decode_report, b"\x84\x00\x00\x00\xa1" + key + b"\x05") == "cbor"


def test_ages_are_0_or_more_and_a_set_clock_may_say_anything():
    assert decode_report(report(time=-1)).time == -1
    assert decode_report(report(columns={1: [5, 1]}, time=-1 - 60, period=60)).time == -61
    assert refusal(decode_report, report(columns={1: [5, 1]}, time=-1 - 59, period=60)) == "schema"
    assert decode_report(report(time=0xFFFFFFFF)).time == 0xFFFFFFFF
    assert refusal(decode_report, report(time=0x100000000)) == "schema"
    assert decode_report(report(time=-0x100000000)).time == -0x100000000
    assert refusal(decode_report, report(time=-0x100000001)) == "schema"


def test_a_known_status_field_outside_its_range_is_left_out_and_the_rest_counts():
    wrong = {
        0: 0x1000000,
        1: 256,
        2: -1,
        3: 20001,
        4: 0x100000000,
        5: -1,
        6: 101,
        7: -401,
        8: -5,
        9: 0x100000000,
        10: 0x100000000,
    }
    for key, value in wrong.items():
        assert decode_report(report({key: value, 200: 1})).status == {200: 1}
    right = {0: 0xFFFFFF, 1: 5, 2: 0, 3: 0, 4: 7, 5: 0, 6: -120, 7: -80, 8: 1, 9: 64, 10: 0xFFFFFFFF}
    assert decode_report(report(right)).status == right
