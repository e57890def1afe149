"""The serial line: COBS and CRC-32 against the golden vectors, junk around them, bridge messages."""

import random
from binascii import hexlify, unhexlify

from lyhord_wire import bridge, cbor, cobs
from tests.vectors import load
from tests.wire.helpers import raises, refusal, seed_random

MICROPYTHON_HEAPS = ("1m", "128k")


def vectors():
    return [
        (vector["name"], unhexlify(vector["message"]), unhexlify(vector["wire"])) for vector in load("bridge")
    ]


def whole_stream():
    """All vectors in one stream, and the messages in it."""
    messages, stream = [], b""
    for _, message, wire in vectors():
        messages.append(message)
        stream += wire
    return messages, stream


def fed(chunks):
    deframer = cobs.Deframer()
    messages = []
    for chunk in chunks:
        messages.extend(deframer.feed(chunk))
    return messages, deframer.dropped


def byte_by_byte(stream):
    for i in range(len(stream)):
        yield stream[i : i + 1]


def test_vectors_are_framed_byte_for_byte():
    assert len(vectors()) == 4
    for name, message, wire in vectors():
        assert hexlify(cobs.encode(message)) == hexlify(wire), name


def test_vectors_whole_and_byte_by_byte():
    for name, message, wire in vectors():
        assert fed([wire]) == ([message], 0), name
        assert fed(byte_by_byte(wire)) == ([message], 0), name
    messages, stream = whole_stream()
    assert fed([stream]) == (messages, 0)
    assert fed(byte_by_byte(stream)) == (messages, 0)


def test_vectors_cut_in_two_anywhere():
    messages, stream = whole_stream()
    for cut in range(len(stream)):
        assert fed([stream[:cut], stream[cut:]]) == (messages, 0), cut


def test_vectors_with_junk_before_and_after():
    junk = (
        b"\x07",
        b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0x1 (POWERON_RESET)\r\n",
        bytes(range(1, 256)),
        b"\xff" * 600,
        b"\x05\x01\x02",
    )
    for name, message, wire in vectors():
        for noise in junk:
            stream = noise + b"\x00" + wire + noise + b"\x00" + wire
            assert fed([stream]) == ([message, message], 2), (name, noise)
            assert fed(byte_by_byte(stream)) == ([message, message], 2), (name, noise)
        # Without a zero between them the first message is lost with the junk, and only that one.
        assert fed([b"\x07junk" + wire + wire]) == ([message], 1), name


def test_zeros_in_a_row_are_no_messages_and_no_faults():
    for name, message, wire in vectors():
        assert fed([bytes(5) + wire + bytes(3) + wire]) == ([message, message], 0), name


def test_a_message_that_is_not_finished_is_not_given_out():
    for _, message, wire in vectors():
        deframer = cobs.Deframer()
        assert deframer.feed(wire[:-1]) == []
        assert deframer.dropped == 0
        assert deframer.feed(b"\x00") == [message]


def test_every_cut_of_a_message_is_dropped_and_counted_once():
    _, message, wire = vectors()[0]
    for size in range(1, len(wire) - 1):
        assert fed([wire[:size] + b"\x00" + wire]) == ([message], 1), size


def test_one_changed_bit_anywhere_is_noticed():
    _, message, wire = vectors()[0]
    for bit in range(8 * (len(wire) - 1)):
        changed = bytearray(wire)
        changed[bit >> 3] ^= 1 << (bit & 7)
        messages, dropped = fed([bytes(changed) + wire])
        assert messages == [message], bit
        assert dropped in (1, 2), bit  # a byte that became zero cuts the message in two


def test_every_length_around_the_blocks_of_254():
    for fill in (0, 1, 255):
        for size in tuple(range(10)) + (248, 249, 250, 251, 252, 253, 254, 255, 256, 300, 503, 504):
            message = bytes([fill]) * size
            wire = cobs.encode(message)
            assert 0 not in wire[:-1]
            assert wire[-1] == 0
            assert fed([wire]) == ([message], 0), (fill, size)


def test_blocks_are_stuffed_as_the_paper_has_them():
    # Cheshire and Baker: 254 bytes without a zero are one block, at the end without another code byte.
    for size in (254 - 4, 2 * 254 - 4):
        for fill in range(1, 256):
            wire = cobs.encode(bytes([fill]) * size)
            if 0 not in (wire[-5:-1]) and wire[0] == 255:
                break
        assert len(wire) == size + 4 + (size + 4) // 254 + 1, size


def test_the_longest_message_and_one_byte_more():
    longest = bytes([7]) * 504
    wire = cobs.encode(longest)
    assert len(wire) <= cobs.MAX_SIZE
    assert fed([wire]) == ([longest], 0)
    assert raises(ValueError, cobs.encode, bytes([7]) * 600)
    deframer = cobs.Deframer(len(wire) - 1)
    assert deframer.feed(wire) == []
    assert deframer.dropped == 1
    assert cobs.Deframer(len(wire)).feed(wire) == [longest]


def test_an_endless_line_needs_no_memory():
    deframer = cobs.Deframer()
    _, message, wire = vectors()[1]
    for _ in range(300):
        assert deframer.feed(b"\xaa" * 512) == []
    assert deframer.feed(b"\x00" + wire) == [message]
    assert deframer.dropped == 1


def test_a_good_message_after_a_zero_survives_any_noise():
    seed_random()
    _, message, wire = vectors()[2]
    deframer = cobs.Deframer()
    for _ in range(60):
        kind = random.randrange(3)
        noise = bytes([random.getrandbits(8) for _ in range(random.randrange(80))])
        if kind == 1:
            noise = wire[: random.randrange(len(wire) - 1)]  # what a cut cable leaves
        elif kind == 2:
            noise = b"\xff" * random.randrange(700)
        stream, got = noise + b"\x00" + wire, []
        while stream:
            size = random.randrange(1, 40)
            got.extend(deframer.feed(stream[:size]))
            stream = stream[size:]
        assert got == [message], hexlify(noise)
    assert deframer.dropped


MESSAGES = (
    bridge.Received(0xFFFFFFFF, -128, -80, 868_100_000, 12, b"\xe0" * 222),
    bridge.TxResult(0, bridge.SENT),
    bridge.TxResult(0xFFFFFFFF, bridge.BAD_REQUEST),
    bridge.Status({0: 65536, 1: 3600, 2: 10, 3: 0, 4: 7, 5: 868_100_000, 6: 9}),
    bridge.Log("radio restarted"),
    bridge.Transmit(7, None, 869_525_000, 12, 27, b"\xe0"),
    bridge.Transmit(7, 0, 868_100_000, 7, 2, b"\xe0" * 222),
    bridge.GetStatus(),
    bridge.Listen(867_900_000, 10),
)


def parts(message):
    return message.TYPE, message.fields()


def test_bridge_vectors_mean_what_they_should():
    received, result, transmit, now = [bridge.decode(message) for _, message, _ in vectors()]
    assert parts(received)[1][:5] == [3512348611, -97, -22, 868_100_000, 10]
    assert hexlify(received.data[:8]) == b"e040000a01000001"
    assert isinstance(received, bridge.Received)
    assert isinstance(result, bridge.TxResult)
    assert (result.token, result.status) == (7, bridge.SENT)
    assert isinstance(transmit, bridge.Transmit)
    assert transmit.tmst_us == 3513348611  # received one second before
    assert (transmit.token, transmit.freq_hz, transmit.sf) == (7, 868_100_000, 10)
    assert transmit.power_dbm == 14
    assert isinstance(now, bridge.Transmit)
    assert (now.token, now.tmst_us, now.freq_hz, now.sf) == (8, None, 869_525_000, 12)
    for name, message, _ in vectors():
        assert bridge.encode(bridge.decode(message)) == message, name


def test_bridge_messages_come_back_over_the_line():
    for message in MESSAGES:
        wire = cobs.encode(bridge.encode(message))
        (data,) = cobs.Deframer().feed(wire)
        again = bridge.decode(data)
        assert type(again) is type(message)
        assert parts(again) == parts(message)


def test_results_have_names():
    assert bridge.RESULTS == {
        0: "sent",
        1: "too_late",
        2: "duty_cycle",
        3: "radio_fault",
        4: "bad_request",
    }


def test_bridge_messages_of_the_wrong_shape_are_refused():
    frame = b"\xe0" * 20
    for message in (
        None,
        {},
        [],
        [None],
        ["0"],
        [-1],
        [4],
        [15],
        [19],
        [256],
        [0],
        [0, 1, -97, 20, 868_100_000, 10],
        [0, 1, -97, 20, 868_100_000, 10, frame, 0],
        [0, -1, -97, 20, 868_100_000, 10, frame],
        [0, 1 << 32, -97, 20, 868_100_000, 10, frame],
        [0, 1, None, 20, 868_100_000, 10, frame],
        [0, 1, -97, 20, 868, 10, frame],
        [0, 1, -97, 20, 868_100_000, 6, frame],
        [0, 1, -97, 20, 868_100_000, 13, frame],
        [0, 1, -97, 20, 868_100_000, 10, b""],
        [0, 1, -97, 20, 868_100_000, 10, b"\xe0" * 256],
        [0, 1, -97, 20, 868_100_000, 10, "text"],
        [1, 7],
        [1, None, 0],
        [1, 7, -1],
        [2],
        [2, []],
        [2, {0: None}],
        [2, {"a": 1}],
        [3],
        [3, b"bytes"],
        [3, "x" * 201],
        [3, "\u00e5" * 101],
        [16, 7, None, 868_100_000, 10, 14],
        [16, None, None, 868_100_000, 10, 14, frame],
        [16, 7, -1, 868_100_000, 10, 14, frame],
        [16, 7, "now", 868_100_000, 10, 14, frame],
        [16, 7, None, None, 10, 14, frame],
        [16, 7, None, 868_100_000, 5, 14, frame],
        [16, 7, None, 868_100_000, 10, 100, frame],
        [16, 7, None, 868_100_000, 10, 14, None],
        [17, 1],
        [18],
        [18, 868_100_000],
        [18, {0: 868_100_000}],
        [18, {1: 7}],
        [18, {0: 868_100_000, 1: 6}],
        [18, {0: 5, 1: 7}],
    ):
        assert refusal(bridge.decode, cbor.encode(message)) == "schema", message
    for data in (b"", b"\xff", b"\x81\x18\x11", b"\x81\x11\x00"):
        assert refusal(bridge.decode, data) == "cbor", data
