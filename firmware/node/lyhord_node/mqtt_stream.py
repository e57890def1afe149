"""The broker's end of a connection as umqtt.simple may see it: whole packets, small, wanted, and in time.

umqtt.simple reads without deadlines, allocates what the peer asks for, takes any packet for the one that it
waits for, and writes a packet in pieces. A peer may be anything between an evil access point and a port
where no broker is, so here stands what holds for all of them:

- One deadline for everything that is under way (`allow`): bytes that come slowly do not move it, nor does a
  flood. Nothing waits without it, neither for reading nor for writing.
- A packet is read into one buffer that is there from the start. What is too large for it, on another topic or
  not waited for is read and forgotten in pieces, and acknowledged where it had QoS 1.
- What no MQTT 3.1.1 broker sends ends the connection.
"""

from select import POLLIN, POLLOUT, poll
from time import ticks_add, ticks_diff, ticks_ms

from micropython import const

from lyhord_node.link import LinkDown

CONNACK = const(0x20)
PUBACK = const(0x40)
SUBACK = const(0x90)
NOTHING = const(0)  # but messages
_PUBLISH = const(0x30)
_QOS = const(0x06)
_QOS_1 = const(0x02)
_SIZES = {CONNACK: 2, PUBACK: 2, SUBACK: 3, 0xD0: 0}  # first byte of what a broker sends beside messages
_NAMES = {CONNACK: "CONNACK", PUBACK: "PUBACK", SUBACK: "SUBACK"}
_HEAD = const(3)  # bytes of the first byte and the length, at most
_LENGTH_BYTES = const(4)
_LOOK_MS = const(50)


class Late(LinkDown):
    """The deadline has passed. `is_between`: and no packet was under way, so the connection is still good."""

    def __init__(self, what, is_between):
        super().__init__(what)
        self.is_between = is_between


class MqttStream:
    """A TCP connection, used like the socket that umqtt.simple expects. `connection`: a socket of its own.

    topic: the only one (bytes) whose messages are handed over, of `message_max` bytes at most. pin: of the
    certificate under which everything goes (see `tls_stream`), empty for a connection in clear. All may raise
    LinkDown, or OSError where the connection itself breaks.
    """

    def __init__(self, connection, topic, message_max, pin=""):
        self._socket = self._stream = connection
        self._pin = pin
        self._topic = topic
        self._packet = memoryview(bytearray(_HEAD + 2 + len(topic) + 2 + message_max))
        self._at = self._end = 0  # of what umqtt.simple has still to read of it
        self._is_between = True
        self._out = bytearray()
        self._waiting = poll()
        self._expected = CONNACK
        self._allowed_ms = 0
        self._until_ms = ticks_ms()

    def allow(self, ms, expected):
        """From now on there are `ms` milliseconds for all; `expected`: the packet that is waited for."""
        self._allowed_ms = ms
        self._until_ms = ticks_add(ticks_ms(), ms)
        self._expected = expected

    # -- what umqtt.simple calls ---------------------------------------------------------------------

    def connect(self, address):
        self._socket.settimeout(max(1, self._left_ms() // 1000))
        self._socket.connect(address)
        self._socket.setblocking(False)
        self._waiting.register(self._socket, POLLIN)
        if self._pin:
            from lyhord_node.tls_stream import secured

            self._stream = secured(self._socket, self._pin)

    def setblocking(self, _flag):
        """The deadline decides."""

    def write(self, data, size=None):
        """It goes out in one piece, with the next read: several small ones cost 40 ms each on TCP."""
        self._out.extend(data if size is None else memoryview(data)[:size])

    def read(self, size):
        self._flush()
        while self._at == self._end:
            self._take_packet()
        begin = self._at
        self._at = begin + size
        if self._at > self._end:
            raise LinkDown("broker: a packet is too short")
        return bytes(self._packet[begin : self._at])

    def close(self):
        """Sends what waits, closes."""
        try:
            self._flush()
        finally:
            self._socket.close()

    # -- packets -------------------------------------------------------------------------------------

    def _take_packet(self):
        """Reads the next one; it is handed over only if it is a message for us or what is waited for."""
        self._fill(0, 1)
        self._is_between = False
        head = self._packet[0]
        size = self._length()
        if head & 0xF0 == _PUBLISH and head & _QOS <= _QOS_1:
            self._take_message(head, size)
        elif _SIZES.get(head) != size:
            raise LinkDown("broker: sends no MQTT (0x%02x, %d bytes)" % (head, size))
        else:
            self._fill(_HEAD, size)
            if head == self._expected:
                self._hand_over(head, size)
        self._is_between = True

    def _length(self):
        size = 0
        for i in range(_LENGTH_BYTES):
            self._fill(1, 1)
            size |= (self._packet[1] & 0x7F) << 7 * i
            if self._packet[1] < 0x80:
                return size
        raise LinkDown("broker: sends no MQTT (a length without end)")

    def _take_message(self, head, size):
        wanted = size <= len(self._packet) - _HEAD
        topic = len(self._topic)
        self._fill(_HEAD, min(size, 2))
        told = self._packet[_HEAD] << 8 | self._packet[_HEAD + 1]
        if size < 2 or size < 2 + told + (2 if head & _QOS else 0):
            raise LinkDown("broker: sends no MQTT (a message of %d bytes)" % size)
        number = begin = _HEAD + 2 + topic
        if told == topic and wanted:
            self._fill(_HEAD + 2, size - 2)
            if self._packet[_HEAD + 2 : begin] == self._topic and self._expected != CONNACK:
                self._hand_over(head, size)
                return
        else:
            self._skip(told)
            number = _HEAD
            self._fill(number, 2 if head & _QOS else 0)
        if head & _QOS:  # or the broker's window fills up with it
            self._out.extend(b"\x40\x02")
            self._out.extend(self._packet[number : number + 2])
        if number == _HEAD:
            self._skip(size - 2 - told - (2 if head & _QOS else 0))

    def _hand_over(self, head, size):
        self._at = 1 if size < 0x80 else 0
        self._end = _HEAD + size
        self._packet[self._at] = head
        self._packet[self._at + 1] = size & 0x7F if size < 0x80 else size & 0x7F | 0x80
        if size >= 0x80:
            self._packet[2] = size >> 7

    def _skip(self, size):
        while size > 0:
            piece = min(size, len(self._packet) - _HEAD)
            self._fill(_HEAD, piece)
            size -= piece

    # -- bytes ---------------------------------------------------------------------------------------

    def _fill(self, at, size):
        """Reads `size` bytes to place `at` of the packet."""
        end = at + size
        while at < end:
            self._left_ms()
            count = self._stream.readinto(self._packet[at:end])
            if count is None:
                self._wait(POLLIN)
            elif count:
                at += count
            else:
                raise LinkDown("broker: has closed the connection")

    def _flush(self):
        out, self._out = self._out, bytearray()
        at = 0
        while at < len(out):
            self._left_ms()
            count = self._stream.write(memoryview(out)[at:])
            if count:
                at += count
            else:
                self._wait(POLLOUT)

    def _wait(self, event):
        left_ms = self._left_ms()
        if self._pin:  # TLS may have to read before it writes, and the other way round
            event, left_ms = POLLIN, min(left_ms, _LOOK_MS)
        self._waiting.modify(self._socket, event)
        self._waiting.poll(left_ms)

    def _left_ms(self):
        left_ms = ticks_diff(self._until_ms, ticks_ms())
        if left_ms <= 0:
            what = _NAMES.get(self._expected, "answer")
            raise Late("broker: no %s within %d s" % (what, self._allowed_ms // 1000), self._is_between)
        return left_ms
