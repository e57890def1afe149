"""The bridge's serial line: golden messages whole, byte by byte and among junk; nothing else gets through."""

import binascii

from lyhord_bridge import serial_line
from lyhord_wire import bridge, cbor, cobs
from tests.vectors import load


class Host:
    """stdin, stdout and select.poll as the bridge sees them: bytes wait until they are read."""

    def __init__(self):
        self.waiting = bytearray()
        self.written = bytearray()
        self.waits_ms = []
        self.buffer = self

    def poll(self, timeout_ms=-1):
        if not self.waiting:
            self.waits_ms.append(timeout_ms)
        return [(self, 1)] if self.waiting else []

    def register(self, stream, events):
        assert stream is self

    def read(self, size):
        assert size == 1  # more would wait for more on ESP32
        assert self.waiting, "read without a byte: the bridge would hang"
        byte = bytes(self.waiting[:1])
        self.waiting = self.waiting[1:]
        return byte

    def write(self, data):
        self.written.extend(data)


class Select:
    POLLIN = 1

    def __init__(self, host):
        self.host = host

    def poll(self):
        return self.host


def make():
    host = Host()
    serial_line.select = Select(host)
    return host, serial_line.SerialLine(host, host)


def receive_all(line):
    """Everything that waits, over as many turns as it takes."""
    got = []
    while line._in.waiting:
        got.extend(line.receive(10))
    return got


def test_golden_messages_in_every_feeding():
    for vector in load("bridge"):
        wire = binascii.unhexlify(vector["wire"])
        expected = [binascii.unhexlify(vector["message"])]
        for stream in (wire, b"\x00" + wire, b"\xffjunk\x03\x00" + wire, wire + b"\x05junk"):
            host, line = make()
            host.waiting.extend(stream)
            whole = receive_all(line)
            host, line = make()
            single = []
            for byte in stream:
                host.waiting.append(byte)
                single.extend(line.receive(10))
            for got in (whole, single):
                assert [bridge.encode(message) for message, _ in got] == expected


def test_golden_messages_are_written_as_they_are():
    for vector in load("bridge"):
        host, line = make()
        line.send(bridge.decode(binascii.unhexlify(vector["message"])))
        assert bytes(host.written) == binascii.unhexlify(vector["wire"])


def test_it_waits_once_and_then_takes_what_is_there():
    host, line = make()
    assert line.receive(10) == [] and host.waits_ms == [10]
    host.waiting.extend(cobs.encode(bridge.encode(bridge.GetStatus())))
    ((message, answer),) = line.receive(10)
    assert isinstance(message, bridge.GetStatus) and answer is None
    assert host.waits_ms == [10, 0]


def test_a_flood_leaves_room_for_the_radio():
    host, line = make()
    host.waiting.extend(bytes(1000))
    line.receive(10)
    assert len(host.waiting) == 1000 - 128


def test_junk_is_dropped_and_counted():
    host, line = make()
    good = cobs.encode(bridge.encode(bridge.GetStatus()))
    for junk in (b"hello", bytes(range(1, 200)), b"\xff" * 2000, good[:-2], good[:2] + b"\x55" + good[3:-1]):
        before = line.dropped
        host.waiting.extend(junk + b"\x00" + good)
        ((message, _),) = receive_all(line)
        assert isinstance(message, bridge.GetStatus)
        assert line.dropped == before + 1
    assert line.refused == 0


def test_a_transmit_that_is_refused_is_answered_if_it_has_a_token():
    for fields, token in (
        ([16, 9, None, 868_100_000, 6, 14, b"x"], 9),
        ([16, 9, None, 868_100_000, 7, 14, b""], 9),
        ([16, 9], 9),
        ([16, "a", None, 868_100_000, 7, 14, b"x"], None),
        ([16, -1], None),
        ([16], None),
        ([99, 9], None),
        ([], None),
        ({}, None),
        (7, None),
    ):
        host, line = make()
        host.waiting.extend(cobs.encode(cbor.encode(fields)))
        ((message, answer),) = receive_all(line)
        assert message is None and line.refused == 1 and line.dropped == 0
        if token is None:
            assert answer is None, fields
        else:
            assert (answer.token, answer.status) == (token, bridge.BAD_REQUEST)


def test_what_is_not_cbor_is_refused():
    host, line = make()
    host.waiting.extend(cobs.encode(b"\xff\xff"))
    assert receive_all(line) == [(None, None)]
    assert line.refused == 1
