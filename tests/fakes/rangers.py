"""What hangs on a UART or an I²C bus, as far as the drivers can tell; the test moves the time.

Every message is put on the wire byte by byte, 1.04 ms apart as 9600 baud have it, so a driver that
looks early sees half of it.
"""

BYTE_US = 1042


class Uart:
    """`machine.UART` with a receive buffer; `written` is what the driver sent, `on_write` hears it."""

    def __init__(self, ticks, size=256):
        self.written = b""
        self.on_write = None
        self.lost = 0
        self._ticks = ticks
        self._size = size
        self._buffer = b""

    def any(self):
        return len(self._buffer)

    def readinto(self, buffer, size=None):
        size = min(len(buffer) if size is None else size, len(self._buffer))
        if not size:
            return None
        buffer[:size] = self._buffer[:size]
        self._buffer = self._buffer[size:]
        return size

    def write(self, data):
        self.written += bytes(data)
        if self.on_write:
            self.on_write(bytes(data))
        return len(data)

    def arrive(self, data, after_us=0):
        """`data` comes in, its first byte `after_us` from now."""
        start_us = self._ticks.now_us + after_us
        for index in range(len(data)):
            byte = bytes((data[index],))
            self._ticks.at(start_us + index * BYTE_US, lambda byte=byte: self._take(byte))

    def _take(self, byte):
        if len(self._buffer) < self._size:
            self._buffer += byte
        else:
            self.lost += 1


def binary_frame(mm, header_in_sum=True):
    """The message of A02YYUW, JSN-SR04T and (without the header in its sum) AJ-SR04M."""
    body = bytes((mm >> 8, mm & 0xFF))
    return b"\xff" + body + bytes((sum(body) + (0xFF if header_in_sum else 0) & 0xFF,))


def text_frame(mm):
    """The message of a MaxBotix HRXL sensor."""
    return b"R%04d\r" % mm
