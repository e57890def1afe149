"""MQTT 3.1.1 for a load that must cost less than what it loads: packets made in advance, cut by length."""

import socket

CONNACK, PUBLISH, PUBACK = 2, 3, 4
_RECEIVE = 1 << 18


def _packet(first: int, body: bytes) -> bytes:
    length = len(body)
    head = bytearray([first])
    while True:
        length, digit = length >> 7, length & 127
        head.append(digit | (128 if length else 0))
        if not length:
            return bytes(head) + body


def _text(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def connect_packet(name: str) -> bytes:
    """A clean session; its keepalive of ten hours never comes due (with none, iotcore hangs up)."""
    return _packet(0x10, _text("MQTT") + bytes([4, 2]) + (36_000).to_bytes(2, "big") + _text(name))


def subscribe_packet(topic: str) -> bytes:
    return _packet(0x82, b"\0\1" + _text(topic) + b"\1")


def publish_packet(topic: str, payload: bytes, number: int) -> bytes:
    """QoS 1. number: packet identifier, 1…65535."""
    return _packet(0x32, _text(topic) + number.to_bytes(2, "big") + payload)


class Connection:
    """A subscribed client. `receive` gives what has come: (kind, body) of each packet."""

    def __init__(self, port: int, name: str, topic: str, deadline_s: float = 20.0) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=deadline_s)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._rest = b""
        self.socket.sendall(connect_packet(name) + subscribe_packet(topic))
        waiting = 2  # CONNACK and SUBACK
        while waiting:
            waiting -= len(self.receive())

    def receive(self) -> list[tuple[int, bytes]]:
        """Waits for bytes and gives the whole packets in them, acknowledging every PUBLISH at once."""
        chunk = self.socket.recv(_RECEIVE)
        if not chunk:
            raise ConnectionError("the broker has closed the connection")
        data, at, acks = self._rest + chunk, 0, []
        packets = []
        while (end := _end(data, at)) is not None:
            start, stop = end
            if stop > len(data):
                break
            kind, body = data[at] >> 4, data[start:stop]
            if kind == PUBLISH and data[at] & 6:
                topic = int.from_bytes(body[:2], "big")
                acks.append(b"\x40\x02" + body[2 + topic : 4 + topic])
            packets.append((kind, body))
            at = stop
        self._rest = data[at:]
        if acks:
            self.socket.sendall(b"".join(acks))
        return packets

    def close(self) -> None:
        self.socket.sendall(b"\xe0\0")
        self.socket.close()


def payload_of(body: bytes) -> bytes:
    """The payload in the body of a PUBLISH with QoS 1."""
    return body[4 + int.from_bytes(body[:2], "big") :]


def _end(data: bytes, at: int) -> tuple[int, int] | None:
    """The begin and end of the packet's body at `at`; None if its length is not there yet."""
    length = shift = 0
    for index in range(at + 1, min(at + 5, len(data))):
        length |= (data[index] & 127) << shift
        if not data[index] & 128:
            return index + 1, index + 1 + length
        shift += 7
    return None
