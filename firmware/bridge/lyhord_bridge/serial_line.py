"""The USB serial line as messages: bytes in and out, framed with COBS and CRC-32."""

import select

from micropython import const

from lyhord_wire import bridge, cbor, cobs
from lyhord_wire.refusal import Refused

_READ_AT_ONCE = const(128)
_TOKEN_MAX = const(0xFFFFFFFF)


class SerialLine:
    """Messages over `stdin` and `stdout` (their `buffer`s, which carry any byte).

    `dropped` counts what was no frame, `refused` the frames that were no message.
    """

    def __init__(self, stdin, stdout):
        self._in = stdin.buffer
        self._out = stdout.buffer
        self._poll = select.poll()
        self._poll.register(stdin, select.POLLIN)
        self._deframer = cobs.Deframer()
        self.refused = 0

    @property
    def dropped(self):
        return self._deframer.dropped

    def receive(self, timeout_ms):
        """Messages that have come, waiting up to `timeout_ms` for a first byte; each as (message, answer).

        message is None where the frame held none; answer is what the host must be told then, or None.
        """
        data = bytearray()
        # read(n) waits on ESP32 until n bytes are there, so one at a time, each only when it is there.
        while len(data) < _READ_AT_ONCE and self._poll.poll(timeout_ms):
            byte = self._in.read(1)
            if not byte:
                break
            data.extend(byte)
            timeout_ms = 0
        return [self._parse(frame) for frame in self._deframer.feed(data)]

    def _parse(self, frame):
        try:
            return bridge.decode(frame), None
        except Refused:
            self.refused += 1
            return None, _bad_request(frame)

    def send(self, message):
        """Writes one message to the host."""
        self._out.write(cobs.encode(bridge.encode(message)))


def _bad_request(frame):
    """The TxResult for a Transmit whose fields are refused, where it has at least a token; else None."""
    try:
        fields = cbor.decode(frame)
    except Refused:
        return None
    if isinstance(fields, list) and len(fields) > 1 and fields[0] == bridge.Transmit.TYPE:
        token = fields[1]
        if isinstance(token, int) and not isinstance(token, bool) and 0 <= token <= _TOKEN_MAX:
            return bridge.TxResult(token, bridge.BAD_REQUEST)
    return None
