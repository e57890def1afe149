"""Reports against the golden vectors, the bad payloads, and the splitting of samples into frames."""

import random
from binascii import hexlify, unhexlify

from lyhord_wire import cbor
from lyhord_wire.frame import UPLINK_OVERHEAD, max_frame, open_uplink, parse_uplink
from lyhord_wire.report import (
    U32_MAX,
    Report,
    Sample,
    decode_report,
    encode_report,
    largest_report,
)
from lyhord_wire.tables import QUANTITIES, QUANTITY_MAX
from tests.vectors import load
from tests.wire.helpers import cipher, int_keys, raises, refusal, seed_random

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


def as_vector(sample):
    """A sample in the shape of the vectors' list."""
    shape = {"seq": sample.seq}
    if sample.time is None:
        shape["age"] = sample.age
    else:
        shape["time"] = sample.time
        assert sample.age is None
    shape.update(sample.values)
    return shape


def fields(report):
    return (report.seq, report.time, report.period, report.columns, report.status, report.alarms)


def vector_keys(value):
    return {int(key) if key.isdigit() else key: item for key, item in value.items()}


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
        assert [as_vector(sample) for sample in samples] == [
            vector_keys(sample) for sample in vector["samples"]
        ], vector["name"]


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


def kept(count, seq=10, period=900, time=NOON, first_age=None):
    """`count` samples as a node keeps them: with times, or with ages from `first_age` downwards."""
    samples = []
    for i in range(count):
        values = {1: (7 * i) % 101, 2: 500 + i % 3, 3: 200 - i}
        if first_age is None:
            samples.append(Sample(seq + i, time + i * period, values))
        else:
            samples.append(Sample(seq + i, None, values, first_age - i * period))
    return samples


def taken(samples, limit=206, status=None, alarms=None):
    """How many samples the largest report takes; the payload is checked against them."""
    payload, count = largest_report(samples, limit, status, alarms)
    assert len(payload) <= limit
    if count:
        report = decode_report(payload)
        assert [as_vector(sample) for sample in report.samples()] == [
            as_vector(sample) for sample in samples[:count]
        ]
        assert (report.status, report.alarms) == (status, alarms)
    else:
        assert payload == b""
    return count


def test_a_report_takes_all_that_fits_and_not_one_byte_more():
    samples = kept(60)
    for size in (1, 2, 3, 7, 23, 24, 40):
        payload, count = largest_report(samples[:size], 10_000)
        assert count == size
        assert taken(samples, len(payload)) == size
        assert taken(samples, len(payload) - 1) == size - 1
        assert taken(samples, len(payload) + 1) == size  # another sample takes three bytes at least


def test_nothing_fits():
    for limit in (0, 1, 10):
        assert taken(kept(5), limit) == 0


def test_every_spreading_factor_is_used_up():
    samples = kept(200)
    counts = []
    for sf in range(7, 13):
        limit = max_frame(sf) - UPLINK_OVERHEAD
        payload, count = largest_report(samples, limit)
        more = [sample.values for sample in samples[: count + 1]]
        columns = {key: [values[key] for values in more] for key in (1, 2, 3)}
        assert len(encode_report(Report(10, NOON, 900, columns))) > limit, sf
        assert len(payload) <= limit, sf
        counts.append(count)
    assert counts == sorted(counts, reverse=True)
    assert counts[-1] >= 8


def test_status_and_alarms_take_their_room_first():
    samples = kept(60)
    status = {0: 65536, 2: 86400, 5: 0}
    assert taken(samples, 48, status) < taken(samples, 48)
    assert taken(samples, 48, status, [1, 3]) <= taken(samples, 48, status)
    assert taken(samples, 48, None, []) <= taken(samples, 48)
    assert taken(samples, 18, status) == 0


def test_a_gap_in_the_numbers_ends_the_report():
    for gap_at in (1, 2, 5):
        samples = kept(10)
        for sample in samples[gap_at:]:
            sample.seq += 1
        assert taken(samples) == gap_at


def test_numbers_that_repeat_or_go_back_end_the_report():
    for change in (-1, -2, -5):
        samples = kept(6)
        samples[3].seq += change
        assert taken(samples) == 3


def test_uneven_spacing_ends_the_report():
    for late_s in (-1, 1, 900, -900):
        for at in (2, 3, 9):
            samples = kept(10)
            for sample in samples[at:]:
                sample.time += late_s
            assert taken(samples) == at, (late_s, at)


def test_a_clock_that_stood_still_or_was_set_back_ends_the_report():
    for second in (NOON, NOON - 1, NOON - 86400):
        samples = kept(3)
        samples[1].time = second
        assert taken(samples) == 1


def test_samples_with_a_time_and_samples_with_an_age_go_into_different_reports():
    before = kept(3, seq=10, first_age=3600)
    after = kept(4, seq=13)
    assert taken(before + after) == 3
    assert taken(after + kept(2, seq=17, first_age=900)) == 4


def test_ages_count_down_to_the_newest():
    samples = kept(5, first_age=3600)
    assert taken(samples) == 5
    payload, _ = largest_report(samples, 206)
    assert cbor.decode(payload)[1:3] == [-3601, 900]
    assert taken(kept(5, first_age=3600)[3:]) == 2
    uneven = kept(5, first_age=3600)
    uneven[4].age = 1
    assert taken(uneven) == 4


def test_other_quantities_end_the_report():
    more = kept(6)
    more[4].values[5] = 3600
    assert taken(more) == 4
    fewer = kept(6)
    del fewer[2].values[2]
    assert taken(fewer) == 2
    other = kept(6)
    other[1].values = {1: 5, 2: 6, 4: 7}
    assert taken(other) == 1


def test_a_missing_value_is_no_missing_quantity():
    samples = kept(6)
    samples[0].values[1] = None
    samples[3].values = {1: None, 2: None, 3: None}
    samples[5].values[3] = None
    assert taken(samples) == 6


def test_a_sample_without_any_quantity_has_no_place_in_a_report():
    # It would vanish: a report with an empty map holds no sample.
    assert raises(ValueError, largest_report, [Sample(1, NOON, {})], 206)


def test_random_samples_arrive_whole_and_in_order_over_many_reports():
    seed_random()
    for _ in range(12):
        samples, seq, time = [], random.randrange(1 << 20), NOON
        for _ in range(random.randrange(1, 60)):
            seq += 1 if random.randrange(10) else 2
            time += 900 if random.randrange(10) else random.randrange(-100, 5000)
            keys = (1, 2, 3) if random.randrange(12) else (3, 5)
            values = {}
            for key in keys:
                quantity = QUANTITIES[key]
                drawn = random.randrange(quantity.low, quantity.high + 1)
                values[key] = drawn if random.randrange(8) else None
            samples.append(Sample(seq, time, values))
        sent, rest = [], samples
        while rest:
            payload, count = largest_report(rest, random.choice((48, 112, 206)))
            assert count >= 1
            sent.extend(decode_report(payload).samples())
            rest = rest[count:]
        assert [as_vector(sample) for sample in sent] == [as_vector(sample) for sample in samples]


def test_fields_of_a_report_survive_encoding():
    report = Report(5, -1801, 900, {3: [1, None, -5], 1: [0, 100, 50]}, {0: 65538, 6: -97}, [3, 1])
    assert fields(decode_report(encode_report(report))) == fields(report)
