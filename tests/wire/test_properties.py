"""Properties for all bytes and all values, against independent implementations where there are any.

Hypothesis prints the failing example, and how to run it again.
"""

import cbor2
import pytest
from cobs import cobs as independent_cobs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lyhord_wire import bridge, cbor, cobs, frame
from lyhord_wire.about import decode_about, encode_about
from lyhord_wire.instructions import decode_instructions, encode_instructions
from lyhord_wire.refusal import REASONS, Refused
from lyhord_wire.report import Sample, decode_report, encode_report, largest_report
from tests.vectors import load
from tests.wire import payloads
from tests.wire.helpers import cipher
from tests.wire.verdicts import REFUSED, is_ours, ours, theirs

GOOD = [bytes.fromhex(vector["payload"]) for vector in load("frames")]
BAD = [bytes.fromhex(vector["payload"]) for vector in load("bad-payloads")]

many = settings(max_examples=600, deadline=None, database=None)
some = settings(max_examples=150, deadline=None, database=None)


@st.composite
def damaged(draw, sources):
    """Bytes of a source after a few random edits."""
    data = bytearray(draw(sources))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(("change", "insert", "delete", "cut"))):
            case "change" if at < len(data):
                data[at] = draw(st.integers(0, 255))
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=3))
            case "delete":
                del data[at : at + 2]
            case "cut":
                del data[at:]
    return bytes(data)


encoded_values = payloads.cbor_values.map(lambda value: cbor2.dumps(value, canonical=True))
any_bytes = st.one_of(
    st.binary(max_size=60),
    damaged(st.sampled_from(GOOD + BAD)),
    damaged(encoded_values),
)


@many
@given(any_bytes)
def test_our_decoder_and_cbor2_give_the_same_verdict(data):
    value = ours(data)
    assert value == theirs(data)
    if value is not REFUSED:
        assert cbor.encode(value) == data


@pytest.mark.parametrize("data", BAD + GOOD, ids=bytes.hex)
def test_the_same_verdict_on_every_vector(data):
    assert ours(data) == theirs(data)


def test_the_same_verdict_on_every_short_input():
    for first in range(256):
        assert ours(bytes([first])) == theirs(bytes([first])), first
        for second in range(256):
            data = bytes([first, second])
            assert ours(data) == theirs(data), data.hex()


@many
@given(payloads.cbor_values)
def test_what_we_encode_cbor2_reads_and_so_do_we(value):
    encoded = cbor.encode(value)
    assert cbor2.loads(encoded) == value
    try:
        assert cbor.decode(encoded) == value
    except Refused as refused:
        assert refused.detail == "nested too deeply"
        assert not is_ours(value, 0)


@some
@given(payloads.reports())
def test_reports_come_back(report):
    again = decode_report(encode_report(report))
    for field in ("seq", "time", "period", "columns", "status", "alarms"):
        assert getattr(again, field) == getattr(report, field), field
    assert encode_report(again) == encode_report(report)


@some
@given(payloads.reports(), st.integers(0, 206))
def test_the_largest_report_is_the_largest(report, limit):
    samples = report.samples()
    assume(samples)
    payload, count = largest_report(samples, limit, report.status, report.alarms)
    assert len(payload) <= limit
    if count:
        taken = decode_report(payload).samples()
        assert [vars(sample) for sample in taken] == [vars(sample) for sample in samples[:count]]
    if count < len(samples):
        assert len(largest_report(samples[: count + 1], 10_000, report.status, report.alarms)[0]) > limit


@some
@given(payloads.abouts)
def test_abouts_come_back(about):
    assert decode_about(encode_about(about)) == about


@some
@given(payloads.instructions)
def test_instructions_come_back(instructions):
    assert decode_instructions(encode_instructions(instructions)) == instructions


@some
@given(payloads.bridge_messages)
def test_bridge_messages_come_back(message):
    again = bridge.decode(bridge.encode(message))
    assert type(again) is type(message)
    assert again.fields() == message.fields()


@many
@given(any_bytes)
@example(b"")
def test_decoders_refuse_and_never_fail(data):
    for decode in (decode_report, decode_about, decode_instructions, bridge.decode):
        try:
            decode(data)
        except Refused as refused:
            assert refused.reason in ("cbor", "schema")
    for parse in (frame.parse_uplink, frame.parse_downlink):
        for raw in (data, b"\xe0\x40" + data, b"\xe0\x60" + data):
            try:
                parse(raw)
            except Refused as refused:
                assert refused.reason in REASONS


@some
@given(any_bytes)
def test_a_report_that_is_accepted_can_be_written_again(data):
    try:
        report = decode_report(data)
    except Refused:
        return
    again = decode_report(encode_report(report))
    assert (again.columns, again.time, again.seq) == (report.columns, report.time, report.seq)
    assert all(isinstance(sample, Sample) for sample in report.samples())


keys = st.binary(min_size=16, max_size=16)
nonces = st.binary(min_size=13, max_size=13)


@some
@given(keys, nonces, st.binary(max_size=300), st.binary(max_size=64))
def test_our_ccm_is_that_of_cryptography(key, nonce, plaintext, aad):
    sealed = AESCCM(key, tag_length=8).encrypt(nonce, plaintext, aad)
    assert cipher(key).seal(nonce, plaintext, aad) == sealed
    assert cipher(key).open(nonce, sealed, aad) == plaintext


@some
@given(keys, nonces, damaged(st.binary(min_size=8, max_size=60)), st.binary(max_size=24))
def test_both_ccms_refuse_the_same(key, nonce, sealed, aad):
    try:
        expected = AESCCM(key, tag_length=8).decrypt(nonce, sealed, aad)
    except InvalidTag:
        expected = None
    assert cipher(key).open(nonce, sealed, aad) == expected


@some
@given(
    st.integers(1, 0xFFFFFF),
    st.integers(0, 0xFFFFFF),
    st.integers(0, 1),
    st.booleans(),
    st.integers(0, 1),
    st.binary(max_size=206),
)
def test_uplinks_come_back(node, counter, kind, flag, generation, payload):
    own = cipher(bytes(16))
    raw = frame.seal_uplink(own, node, counter, kind, payload, flag, generation)
    opened = frame.open_uplink(frame.parse_uplink(raw), own)
    assert (opened.node, opened.counter, opened.kind, opened.ack_requested, opened.generation) == (
        node,
        counter,
        kind,
        flag,
        generation,
    )
    assert opened.payload == payload
    assert len(raw) == len(payload) + frame.UPLINK_OVERHEAD


# Long runs without a zero are where COBS has its edges.
serial_messages = st.one_of(
    st.binary(max_size=500),
    st.binary(min_size=245, max_size=500).map(lambda data: data.replace(b"\x00", b"\x01")),
    st.integers(240, 503).map(lambda size: b"\x01" * size),
)


@some
@given(serial_messages)
def test_our_cobs_is_that_of_the_package(message):
    wire = cobs.encode(message)
    stuffed = wire[:-1]
    assert wire[-1] == 0
    data = independent_cobs.decode(stuffed)
    assert data[:-4] == message
    assert independent_cobs.encode(data) == stuffed
    assert cobs.Deframer().feed(wire) == [message]


@some
@given(
    st.lists(st.tuples(st.binary(max_size=700), st.binary(min_size=1, max_size=200)), max_size=6),
    st.integers(1, 64),
)
def test_no_noise_costs_a_good_message_behind_a_zero(line, step):
    stream = b"".join(noise + b"\x00" + cobs.encode(message) for noise, message in line)
    deframer = cobs.Deframer()
    got = []
    for at in range(0, len(stream), step):
        got.extend(deframer.feed(stream[at : at + step]))
    assert got == [message for _, message in line]  # and no noise has a right CRC
