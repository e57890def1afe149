"""Messages on a serial line: COBS with a CRC-32 behind each message, one zero byte between them.

Consistent Overhead Byte Stuffing (Cheshire and Baker, IEEE/ACM ToN 7(2), 1999); CRC-32 as in
`binascii.crc32`, big-endian. docs/protocol.md section 6.
"""

import binascii

MAX_SIZE = 512  # bytes of a message on the line, its zero included

_CRC_SIZE = 4


def encode(message: bytes) -> bytes:
    """The bytes for the line, the closing zero included. Raises ValueError over MAX_SIZE."""
    data = message + (binascii.crc32(message) & 0xFFFFFFFF).to_bytes(4, "big")
    out = bytearray(1)
    code_at = 0
    for byte in data:
        full = len(out) - code_at == 255  # 254 bytes without a zero: a block that stands for no zero
        if full or not byte:
            out[code_at] = len(out) - code_at
            code_at = len(out)
            out.append(0)
        if full and not byte:
            out[code_at] = 1
            code_at = len(out)
            out.append(0)
        elif byte:
            out.append(byte)
    out[code_at] = len(out) - code_at
    out.append(0)
    if len(out) > MAX_SIZE:
        raise ValueError("message: longer than %d bytes on the line" % MAX_SIZE)
    return bytes(out)


class Deframer:
    """Bytes in, messages out; whatever is not a message is dropped up to the next zero and counted."""

    def __init__(self, max_size: int = MAX_SIZE) -> None:
        self.dropped = 0
        self._room = max_size - 1  # the zero is never kept
        self._buffer = bytearray()
        self._overflow = False

    def feed(self, data: bytes) -> list[bytes]:
        """The messages that these bytes complete, oldest first; none is believed without its CRC."""
        messages = []
        for byte in data:
            if byte:
                if len(self._buffer) < self._room:
                    self._buffer.append(byte)
                else:
                    self._overflow = True
                continue
            if self._buffer:  # zeros in a row separate nothing and are no error
                message = None if self._overflow else _unstuff(self._buffer)
                if message is None:
                    self.dropped += 1
                else:
                    messages.append(message)
            self._buffer = bytearray()
            self._overflow = False
        return messages


def _unstuff(data: bytearray) -> bytes | None:
    out = bytearray()
    at = 0
    while at < len(data):
        code = data[at]
        end = at + code
        if end > len(data):
            return None
        out.extend(data[at + 1 : end])
        at = end
        if code < 255 and at < len(data):
            out.append(0)
    size = len(out) - _CRC_SIZE
    if size < 0:
        return None
    message = bytes(out[:size])
    if (binascii.crc32(message) & 0xFFFFFFFF).to_bytes(4, "big") != out[size:]:
        return None
    return message
