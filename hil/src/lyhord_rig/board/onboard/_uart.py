# machine.UART of the ESP32 port: reads wait for all they want, at most `timeout` ms, and give what came.
import struct

import _link
from micropython import const

_UART_INIT = const(48)
_UART_READ = const(49)
_UART_WRITE = const(50)
_UART_ANY = const(51)
_ALL = const(0xFFFF)


def _number(pin):
    return -1 if pin is None else pin if isinstance(pin, int) else pin.id


class UART:
    INV_TX = 1
    INV_RX = 2
    RTS = 1
    CTS = 2

    def __init__(self, id, *args, **kw):
        self._id = id
        self._fd = -1 - id
        self._config = [115200, 8, None, 1, None, None, 256]
        self._timeout_us = 0
        self.init(*args, **kw)

    def init(self, baudrate=None, bits=None, parity=-2, stop=None, **kw):
        config = self._config
        for at, value in enumerate((baudrate, bits, None, stop, kw.get("rx"), kw.get("tx"), kw.get("rxbuf"))):
            if value is not None:
                config[at] = value
        if parity != -2:
            config[2] = parity
        if config[6] < 129:  # the chip's own FIFO has 128, and the driver wants more
            config[6] = 129
        if "timeout" in kw:
            self._timeout_us = kw["timeout"] * 1000
        odd = -1 if config[2] is None else config[2]
        if kw.get("invert"):
            odd = 2  # no device here can make anything of it
        data = struct.pack(
            "<qhhhhhh",
            config[0],
            config[1],
            odd,
            config[3],
            _number(config[4]),
            _number(config[5]),
            config[6],
        )
        _link.call(_UART_INIT, self._id, 0, data)

    def deinit(self):
        _link.call(_UART_INIT, self._id)

    def any(self):
        return _link.call(_UART_ANY, self._id)

    def _take(self, n):
        data = _link.call(_UART_READ, self._id | n << 8, self._timeout_us)
        return data if isinstance(data, bytes) else None

    def read(self, n=-1):
        return self._take(_ALL if n < 0 else n)

    def readinto(self, buf, n=-1):
        data = self._take(len(buf) if n < 0 else min(n, len(buf)))
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def readline(self):
        out = b""
        while not out.endswith(b"\n"):
            part = self._take(1)
            if part is None:
                break
            out += part
        return out or None

    def write(self, data):
        if isinstance(data, str):
            data = data.encode()
        return _link.call(_UART_WRITE, self._id, 0, data)

    def flush(self):
        _link.call(_UART_WRITE, self._id, 1)

    def txdone(self):
        return not _link.call(_UART_WRITE, self._id, 2)
