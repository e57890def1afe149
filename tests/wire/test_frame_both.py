"""Frames against the golden vectors, and every way in which bytes are not a frame of ours."""

from binascii import hexlify, unhexlify

from lyhord_wire.frame import (
    COUNTER_MAX,
    DOWNLINK_OVERHEAD,
    KIND_ABOUT,
    KIND_INSTRUCTIONS,
    KIND_REPORT,
    MAX_FRAME,
    NODE_MAX,
    UPLINK_OVERHEAD,
    is_downlink,
    max_frame,
    open_downlink,
    open_uplink,
    parse_downlink,
    parse_uplink,
    seal_downlink,
    seal_uplink,
)
from tests.vectors import load
from tests.wire.helpers import cipher, raises, refusal

MICROPYTHON_HEAPS = ("1m", "128k")

KEY = bytes(range(16))

TAMPERED = {
    "control byte changed": "tag",
    "node id changed": "tag",
    "counter changed": "tag",
    "ciphertext changed": "tag",
    "tag changed": "tag",
    "one byte short": "tag",
    "one byte long": "tag",
    "header only": "length",
    "shorter than a header": "length",
    "empty": "length",
    "another first byte": "not_ours",
    "another protocol version": "version",
}


def received_uplink(raw, key=KEY):
    return open_uplink(parse_uplink(raw), cipher(key))


def received_downlink(raw, answers, key=KEY):
    return open_downlink(parse_downlink(raw), cipher(key), answers)


def uplinks():
    return [vector for vector in load("frames") if vector["direction"] == "up"]


def downlinks():
    return [vector for vector in load("frames") if vector["direction"] == "down"]


def test_the_vectors_hold_both_directions():
    assert len(uplinks()) == 11
    assert len(downlinks()) == 4


def test_uplink_vectors_are_sealed_byte_for_byte():
    for vector in uplinks():
        frame = seal_uplink(
            cipher(vector["key"]),
            vector["node"],
            vector["counter"],
            KIND_REPORT,
            unhexlify(vector["payload"]),
            ack_requested=vector["ack_requested"],
            generation=vector["key_generation"],
        )
        assert hexlify(frame).decode() == vector["frame"], vector["name"]


def test_uplink_vectors_are_opened():
    for vector in uplinks():
        raw = unhexlify(vector["frame"])
        sealed = parse_uplink(raw)
        opened = open_uplink(sealed, cipher(vector["key"]))
        assert sealed.raw == raw
        assert opened.payload == unhexlify(vector["payload"]), vector["name"]
        for header in (sealed, opened):
            assert header.node == vector["node"], vector["name"]
            assert header.counter == vector["counter"], vector["name"]
            assert header.kind == KIND_REPORT, vector["name"]
            assert header.ack_requested is vector["ack_requested"], vector["name"]
            assert header.generation == vector["key_generation"], vector["name"]
        assert not is_downlink(raw)


def test_downlink_vectors_are_sealed_byte_for_byte():
    for vector in downlinks():
        frame = seal_downlink(
            cipher(vector["key"]),
            vector["node"],
            vector["gateway"],
            vector["counter"],
            vector["answers"],
            unhexlify(vector["payload"]),
            generation=vector["key_generation"],
            more=vector["more"],
        )
        assert hexlify(frame).decode() == vector["frame"], vector["name"]


def test_downlink_vectors_are_opened_by_the_uplink_they_answer_only():
    for vector in downlinks():
        raw = unhexlify(vector["frame"])
        sealed = parse_downlink(raw)
        opened = open_downlink(sealed, cipher(vector["key"]), vector["answers"])
        assert sealed.raw == raw
        assert opened.payload == unhexlify(vector["payload"]), vector["name"]
        for header in (sealed, opened):
            assert header.node == vector["node"], vector["name"]
            assert header.gateway == vector["gateway"], vector["name"]
            assert header.counter == vector["counter"], vector["name"]
            assert header.kind == KIND_INSTRUCTIONS, vector["name"]
            assert header.more is vector["more"], vector["name"]
            assert header.generation == vector["key_generation"], vector["name"]
        assert is_downlink(raw)
        for other in (vector["answers"] ^ 1, 0, vector["answers"] ^ 0x800000):
            assert refusal(open_downlink, sealed, cipher(vector["key"]), other) == "tag", vector["name"]


def test_tampered_vectors_are_refused_for_the_right_reason():
    reasons = {
        vector["name"]: refusal(received_uplink, unhexlify(vector["frame"]), vector["key"])
        for vector in load("tampered")
    }
    assert reasons == TAMPERED


def test_a_frame_under_another_key_is_refused():
    other = unhexlify("000102030405060708090a0b0c0d0e10")
    assert refusal(received_uplink, seal_uplink(cipher(KEY), 7, 9, KIND_REPORT, b"\x80"), other) == "tag"
    assert refusal(received_downlink, seal_downlink(cipher(KEY), 7, 1, 9, 3, b"\xa0"), 3, other) == "tag"


def flipped(frame):
    for bit in range(8 * len(frame)):
        changed = bytearray(frame)
        changed[bit >> 3] ^= 1 << (bit & 7)
        yield bit, bytes(changed)


def test_no_bit_of_an_uplink_can_be_flipped():
    vector = uplinks()[0]
    for bit, raw in flipped(unhexlify(vector["frame"])):
        expected = "tag"
        if bit < 8:
            expected = "not_ours"
        elif bit in (14, 15):
            expected = "version"
        elif bit == 13:
            expected = "direction"
        elif bit in (9, 10):
            expected = "kind"
        assert refusal(received_uplink, raw, vector["key"]) == expected, bit


def test_no_bit_of_a_downlink_can_be_flipped():
    vector = downlinks()[0]
    for bit, raw in flipped(unhexlify(vector["frame"])):
        expected = "tag"
        if bit < 8 or bit == 40:  # byte 0, and gateway number 1 becomes 0
            expected = "not_ours"
        elif bit in (14, 15):
            expected = "version"
        elif bit == 13:
            expected = "direction"
        elif bit in (8, 9, 10):
            expected = "kind"
        assert refusal(received_downlink, raw, vector["answers"], vector["key"]) == expected, bit


def test_every_cut_of_a_frame_is_refused():
    up = seal_uplink(cipher(KEY), 7, 9, KIND_REPORT, b"payload")
    for size in range(len(up)):
        expected = "length" if size < UPLINK_OVERHEAD else "tag"
        assert refusal(received_uplink, up[:size]) == expected, size
    down = seal_downlink(cipher(KEY), 7, 1, 9, 3, b"payload")
    for size in range(len(down)):
        expected = "length" if size < DOWNLINK_OVERHEAD else "tag"
        assert refusal(received_downlink, down[:size], 3) == expected, size


def test_directions_are_not_mixed_up():
    up = seal_uplink(cipher(KEY), 7, 9, KIND_REPORT, b"payload")
    down = seal_downlink(cipher(KEY), 7, 1, 9, 3, b"payload")
    assert refusal(parse_downlink, up) == "direction"
    assert refusal(parse_uplink, down) == "direction"
    assert is_downlink(down)
    assert not is_downlink(up)
    assert not is_downlink(b"")
    assert not is_downlink(b"\xe0")


def test_unknown_kinds_and_impossible_addresses_are_refused():
    up = bytearray(seal_uplink(cipher(KEY), 7, 9, KIND_REPORT, b"payload"))
    down = bytearray(seal_downlink(cipher(KEY), 7, 1, 9, 3, b"payload"))
    for kind in range(8):
        up[1] = 0x40 | kind
        down[1] = 0x60 | kind
        assert refusal(parse_uplink, bytes(up)) == (None if kind in (KIND_REPORT, KIND_ABOUT) else "kind")
        assert refusal(parse_downlink, bytes(down)) == (None if kind == KIND_INSTRUCTIONS else "kind")
    up[1] = 0x40
    up[2:5] = bytes(3)
    assert refusal(parse_uplink, bytes(up)) is not None
    down[1] = 0x60
    down[5] = 0
    assert refusal(parse_downlink, bytes(down)) is not None


def test_the_longest_frame_and_one_byte_more():
    for payload_size in (0, MAX_FRAME - UPLINK_OVERHEAD):
        raw = seal_uplink(cipher(KEY), 7, 9, KIND_REPORT, bytes(payload_size))
        assert received_uplink(raw).payload == bytes(payload_size)
    assert refusal(parse_uplink, raw + b"\x00") == "length"
    raw = seal_downlink(cipher(KEY), 7, 1, 9, 3, bytes(MAX_FRAME - DOWNLINK_OVERHEAD))
    assert len(received_downlink(raw, 3).payload) == MAX_FRAME - DOWNLINK_OVERHEAD
    assert refusal(parse_downlink, raw + b"\x00") == "length"


def test_frame_limits_per_spreading_factor():
    assert [max_frame(sf) for sf in range(7, 13)] == [222, 222, 128, 64, 64, 64]
    assert MAX_FRAME == 222


def test_the_ends_of_every_header_field():
    for node in (1, NODE_MAX):
        for counter in (0, COUNTER_MAX):
            for generation in (0, 1):
                for flag in (False, True):
                    up = received_uplink(
                        seal_uplink(cipher(KEY), node, counter, KIND_ABOUT, b"\xa0", flag, generation)
                    )
                    assert (up.node, up.counter, up.kind) == (node, counter, KIND_ABOUT)
                    assert (up.ack_requested, up.generation) == (flag, generation)
                    for gateway in (1, 255):
                        raw = seal_downlink(
                            cipher(KEY), node, gateway, counter, counter, b"\xa0", generation, flag
                        )
                        down = received_downlink(raw, counter)
                        assert (down.node, down.gateway, down.counter) == (node, gateway, counter)
                        assert (down.more, down.generation) == (flag, generation)


def test_fields_that_do_not_fit_their_bytes_are_a_bug_of_the_caller():
    own = cipher(KEY)
    for node, counter, kind in (
        (0, 1, KIND_REPORT),
        (NODE_MAX + 1, 1, KIND_REPORT),
        (1, -1, KIND_REPORT),
        (1, COUNTER_MAX + 1, KIND_REPORT),
        (1, 1, -1),
        (1, 1, 8),
        (1, 1, 16),
    ):
        assert raises(ValueError, seal_uplink, own, node, counter, kind, b""), (node, counter, kind)
    for node, gateway, counter, answers in (
        (0, 1, 1, 1),
        (NODE_MAX + 1, 1, 1, 1),
        (1, 0, 1, 1),
        (1, 256, 1, 1),
        (1, 1, -1, 1),
        (1, 1, COUNTER_MAX + 1, 1),
        (1, 1, 1, -1),
        (1, 1, 1, COUNTER_MAX + 1),
    ):
        fields = (node, gateway, counter, answers)
        assert raises(ValueError, seal_downlink, own, node, gateway, counter, answers, b""), fields


def test_a_payload_that_no_carrier_takes_is_a_bug_of_the_caller():
    own = cipher(KEY)
    assert raises(ValueError, seal_uplink, own, 1, 1, KIND_REPORT, bytes(MAX_FRAME - UPLINK_OVERHEAD + 1))
    assert raises(ValueError, seal_downlink, own, 1, 1, 1, 1, bytes(MAX_FRAME - DOWNLINK_OVERHEAD + 1))


def test_nonces_differ_in_everything_that_may_differ():
    # The same key and payload; each change alone must give another key stream.
    seen = set()
    for node, counter in ((1, 1), (2, 1), (1, 2), (256, 1), (1, 256)):
        seen.add(seal_uplink(cipher(KEY), node, counter, KIND_REPORT, bytes(16))[8:24])
        for gateway in (1, 2):
            seen.add(seal_downlink(cipher(KEY), node, gateway, counter, 3, bytes(16))[9:25])
    assert len(seen) == 15
