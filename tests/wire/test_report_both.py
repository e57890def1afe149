"""Reports against the golden vectors, the bad payloads and the ends of every range."""

from binascii import hexlify, unhexlify

from lyhord_wire import cbor
from lyhord_wire.frame import open_uplink, parse_uplink
from lyhord_wire.quantities import QUANTITIES, QUANTITY_MAX
from lyhord_wire.report import (
    U32_MAX,
    Report,
    decode_report,
    encode_report,
    largest_report,
)
from tests.vectors import load
from tests.wire.helpers import as_vector, cipher, int_keys, refusal

MICROPYTHON_HEAPS = ("1m", "128k")

NOON = 1767268800

BAD_PAYLOADS = {
    "not CBOR": "cbor",
    "trailing byte": "cbor",
    "empty payload": "cbor",
    "a map instead of an array": "schema",
    "three elements": "schema",
    "text seq": "schema",
    "negative seq": "schema",
    "float value": "cbor",
    "text quantity": "schema",
    "columns of unequal length": "schema",
    "empty column": "schema",
    "several samples with period 0": "schema",
    "fill above 100": "schema",
    "temperature below absolute zero": "schema",
    "bignum": "cbor",
    "indefinite length": "cbor",
    "deep nesting": "cbor",
    "huge declared length": "cbor",
    "boolean value": "cbor",
    "duplicate key": "cbor",
}


def uplinks():
    return [vector for vector in load("frames") if vector["direction"] == "up"]


def fields(report):
    return (report.seq, report.time, report.period, report.columns, report.status, report.alarms)


def test_vectors_are_decoded_to_their_fields():
    for vector in uplinks():
        report = decode_report(unhexlify(vector["payload"]))
        expected = vector["report"]
        assert report.seq == expected["seq"], vector["name"]
        assert report.time == expected["time"], vector["name"]
        assert report.period == expected["period"], vector["name"]
        assert set(report.columns) == set(int_keys(expected["columns"])), vector["name"]
        assert report.status == int_keys(expected.get("status")), vector["name"]
        assert report.alarms == expected.get("alarms"), vector["name"]
        assert report.count() == len(vector["samples"]), vector["name"]


def test_vectors_are_decoded_to_their_samples():
    for vector in uplinks():
        samples = decode_report(unhexlify(vector["payload"])).samples()
        assert [as_vector(sample) for sample in samples] == int_keys(vector["samples"]), vector["name"]


def test_vectors_carry_the_differences_that_their_description_lists():
    for vector in uplinks():
        columns = cbor.decode(unhexlify(vector["payload"]))[3]
        assert columns == int_keys(vector["report"]["columns"]), vector["name"]


def test_vectors_are_encoded_byte_for_byte():
    for vector in uplinks():
        report = decode_report(unhexlify(vector["payload"]))
        assert hexlify(encode_report(report)).decode() == vector["payload"], vector["name"]


def test_vectors_come_out_of_the_samples_that_a_node_kept():
    for vector in uplinks():
        if not vector["samples"]:
            continue
        report = decode_report(unhexlify(vector["payload"]))
        payload, count = largest_report(report.samples(), 206, report.status, report.alarms)
        assert hexlify(payload).decode() == vector["payload"], vector["name"]
        assert count == len(vector["samples"]), vector["name"]


def test_bad_payload_vectors_pass_the_tag_and_are_refused_by_the_decoder():
    reasons = {}
    for vector in load("bad-payloads"):
        opened = open_uplink(parse_uplink(unhexlify(vector["frame"])), cipher(vector["key"]))
        assert opened.payload == unhexlify(vector["payload"]), vector["name"]
        assert (opened.node, opened.counter) == (vector["node"], vector["counter"])
        reasons[vector["name"]] = refusal(decode_report, opened.payload)
    assert reasons == BAD_PAYLOADS


def test_the_schema_refuses_what_no_node_sends():
    one, two = {3: 1}, {3: [1, 1]}
    for message, what in (
        (None, "null"),
        (7, "an integer"),
        ([], "an empty array"),
        ([1, NOON, 0, one, None, [], 1], "seven elements"),
        ([None, NOON, 0, one], "no seq"),
        ([U32_MAX + 1, NOON, 0, one], "seq over 32 bits"),
        ([U32_MAX, NOON, 60, two], "the second seq over 32 bits"),
        ([1, None, 0, one], "no time"),
        ([1, U32_MAX + 1, 0, one], "time over 32 bits"),
        ([1, U32_MAX, 60, two], "the second time over 32 bits"),
        ([1, -2 - U32_MAX, 0, one], "age over 32 bits"),
        ([1, -60, 60, two], "the second sample taken after the frame was sent"),
        ([1, NOON, -60, two], "a negative period"),
        ([1, NOON, None, one], "no period"),
        ([1, NOON, U32_MAX + 1, two], "period over 32 bits"),
        ([1, NOON, 60, one], "one sample with a period"),
        ([1, NOON, 60, {3: [1]}], "one sample in an array with a period"),
        ([1, NOON, 0, {3: [1]}], "one sample in an array"),
        ([1, NOON, 60, {}], "no samples with a period"),
        ([1, NOON, 0, []], "an array for columns"),
        ([1, NOON, 0, None], "null for columns"),
        ([1, NOON, 0, {0: 1}], "quantity 0"),
        ([1, NOON, 0, {-1: 1}], "a negative quantity"),
        ([1, NOON, 0, {QUANTITY_MAX + 1: 1}], "quantity over 16 bits"),
        ([1, NOON, 0, {3: "1"}], "a text value"),
        ([1, NOON, 0, {3: b"1"}], "a value of bytes"),
        ([1, NOON, 0, {3: {}}], "a map as a value"),
        ([1, NOON, 60, {3: [1, [1]]}], "an array within a column"),
        ([1, NOON, 60, {3: [1, 1], 2: 1}], "a column that is no array beside one that is"),
        ([1, NOON, 60, {1: [100, 1]}], "a sum above the range"),
        ([1, NOON, 60, {1: [1, None, -2]}], "a sum below the range"),
        ([1, NOON, 0, {40: 1 << 63}], "an unknown quantity over 64 bits"),
        ([1, NOON, 60, {40: [(1 << 63) - 1, 1]}], "an unknown quantity with a sum over 64 bits"),
        ([1, NOON, 0, one, 5], "an integer as status"),
        ([1, NOON, 0, one, []], "an array as status"),
        ([1, NOON, 0, one, {"a": 1}], "a text key in status"),
        ([1, NOON, 0, one, {-1: 1}], "a negative key in status"),
        ([1, NOON, 0, one, {256: 1}], "a status key over 8 bits"),
        ([1, NOON, 0, one, {1: None}], "null in status"),
        ([1, NOON, 0, one, {1: "x"}], "text in status"),
        ([1, NOON, 0, one, None, None], "null as alarms"),
        ([1, NOON, 0, one, None, 1], "an integer as alarms"),
        ([1, NOON, 0, one, None, {}], "a map as alarms"),
        ([1, NOON, 0, one, None, [0]], "alarm 0"),
        ([1, NOON, 0, one, None, [256]], "an alarm over 8 bits"),
        ([1, NOON, 0, one, None, [None]], "null as an alarm"),
        ([1, NOON, 0, one, None, [1] * 17], "seventeen alarms"),
    ):
        assert refusal(decode_report, cbor.encode(message)) == "schema", what


def test_the_ends_of_every_range():
    for message in (
        [0, 0, 0, {3: 1}],
        [U32_MAX, U32_MAX, 0, {3: 1}],
        [0, -1 - U32_MAX, 0, {3: None}],
        [U32_MAX - 1, U32_MAX - 60, 60, {3: [1, None]}],
        [1, -61, 60, {3: [1, 0]}],
        [1, NOON, 0, {QUANTITY_MAX: 1}],
        [1, NOON, 0, {3: 1}, None, []],
        [1, NOON, 0, {3: 1}, {255: -1}, [255]],
    ):
        payload = cbor.encode(message)
        assert encode_report(decode_report(payload)) == payload, message
    for quantity in QUANTITIES.values():
        for value, expected in (
            (quantity.low, None),
            (quantity.high, None),
            (quantity.low - 1, "schema"),
            (quantity.high + 1, "schema"),
        ):
            payload = cbor.encode([1, NOON, 0, {quantity.key: value}])
            assert refusal(decode_report, payload) == expected, (quantity.name, value)


def test_a_quantity_that_we_do_not_know_is_kept_with_the_rest():
    report = decode_report(cbor.encode([1, NOON, 60, {3: [200, 1], 40: [-70000, 5], 31: [1, 2]}]))
    assert report.columns == {3: [200, 201], 40: [-70000, -69995], 31: [1, 3]}


def test_null_status_only_makes_room_for_alarms():
    without = decode_report(cbor.encode([1, NOON, 0, {3: 1}]))
    assert (without.status, without.alarms) == (None, None)
    cleared = decode_report(cbor.encode([1, NOON, 0, {3: 1}, None, []]))
    assert (cleared.status, cleared.alarms) == (None, [])


def test_differences_skip_missing_values():
    column = [None, 5, None, None, 3, 3, None]
    payload = encode_report(Report(1, NOON, 60, {3: column, 2: [None] * 7}))
    assert cbor.decode(payload)[3] == {3: [None, 5, None, None, -2, 0, None], 2: [None] * 7}
    assert decode_report(payload).columns == {3: column, 2: [None] * 7}


def test_fields_of_a_report_survive_encoding():
    report = Report(5, -1801, 900, {3: [1, None, -5], 1: [0, 100, 50]}, {0: 65538, 6: -97}, [3, 1])
    assert fields(decode_report(encode_report(report))) == fields(report)
