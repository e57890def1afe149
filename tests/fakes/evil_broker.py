"""A broker, or what stands in its place, for one node inside a world: it does what a test tells it.

`EvilBroker(world, say)`: each connection is an `EvilLine` that understands what a node sends, whole packets,
and answers with what the function of the test says. Everything happens in virtual time.
"""

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 4, 8, 12, 14


def packet(head, body=b""):
    """An MQTT packet."""
    size, length = len(body), bytearray()
    while size > 0x7F:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return bytes([head]) + bytes(length) + body


def text(data):
    return len(data).to_bytes(2, "big") + data


def message(topic, payload, qos=0, number=1, retain=False):
    """PUBLISH."""
    middle = number.to_bytes(2, "big") if qos else b""
    return packet(0x30 | qos << 1 | retain, text(topic.encode()) + middle + payload)


class EvilBroker:
    """on_packet(line, kind, body): what to do about a packet; on_open(line): when a node has connected.

    `Behaviour`s of tests call `line.answer(kind, body)` for what an honest broker would say.
    """

    def __init__(self, world, on_packet, on_open=lambda line: None):
        self.world = world
        self.on_packet = on_packet
        self.on_open = on_open
        self.lines = []
        self.understands = True  # what it hears is MQTT
        self.acknowledged = []  # numbers of messages that the node has acknowledged

    def accept(self, line):
        made = EvilLine(self, line)
        self.lines.append(made)
        self.on_open(made)
        return made


class EvilLine:
    def __init__(self, broker, line):
        self.broker = broker
        self._line = line
        self._buffer = bytearray()
        self.is_open = True
        self.topic = ""
        self.said = 0  # bytes

    def say(self, data):
        if self.is_open:
            self.said += len(data)
            self._line.say(bytes(data))

    def hang_up(self):
        self._line.hang_up()

    def later(self, seconds, fn, *args):
        self.broker.world.call_later(int(seconds * 1_000_000), fn, *args)

    def dribble(self, data, every_s):
        """One byte after the other."""
        if data and self.is_open:
            self.say(data[:1])
            self.later(every_s, self.dribble, data[1:], every_s)

    def repeat(self, data, every_s, times=1 << 30):
        if times and self.is_open:
            self.say(data)
            self.later(every_s, self.repeat, data, every_s, times - 1)

    def answer(self, kind, body):
        """The answer of an honest broker; QoS 1 throughout."""
        if kind == CONNECT:
            self.say(packet(0x20, b"\0\0"))
        elif kind == SUBSCRIBE:
            self.say(packet(0x90, body[:2] + b"\x01"))
        elif kind == PUBLISH:
            end = 2 + int.from_bytes(body[:2], "big")
            self.say(packet(0x40, body[end : end + 2]))

    def received(self, data):
        if not self.broker.understands:
            return
        self._buffer += data
        while len(self._buffer) >= 2:
            size, at = 0, 1
            while self._buffer[at] & 0x80:
                size |= (self._buffer[at] & 0x7F) << 7 * (at - 1)
                at += 1
            size |= self._buffer[at] << 7 * (at - 1)
            end = at + 1 + size
            if len(self._buffer) < end:
                return
            kind, body = self._buffer[0] >> 4, bytes(self._buffer[at + 1 : end])
            del self._buffer[:end]
            if kind == SUBSCRIBE:
                self.topic = body[4 : 4 + int.from_bytes(body[2:4], "big")].decode()
            if kind == PUBACK:
                self.broker.acknowledged.append(int.from_bytes(body, "big"))
            self.broker.on_packet(self, kind, body)

    def closed(self):
        self.is_open = False
