"""The largest report that samples fill: all that fits, in order, and where it has to end."""

import random

from lyhord_wire import cbor
from lyhord_wire.frame import UPLINK_OVERHEAD, max_frame
from lyhord_wire.quantities import QUANTITIES
from lyhord_wire.report import (
    Report,
    Sample,
    decode_report,
    encode_report,
    largest_report,
)
from tests.wire.helpers import as_vector, raises, seed_random

MICROPYTHON_HEAPS = ("1m", "128k")

NOON = 1767268800


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
    """The number of samples that the largest report takes; the payload is checked against them."""
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
