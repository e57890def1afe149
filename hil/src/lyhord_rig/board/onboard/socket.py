# TCP through the world. Timeouts are in virtual time; the errors are those of the built-in errno module.
import io

import _link
from micropython import const

_RESOLVE = const(41)
_OPEN = const(42)
_CONNECT = const(43)
_SEND = const(44)
_RECV = const(45)
_CLOSE = const(46)
_CHUNK = const(1024)

AF_INET = 2
AF_INET6 = 10
SOCK_STREAM = 1
SOCK_DGRAM = 2
IPPROTO_TCP = 6
SOL_SOCKET = 1
SO_REUSEADDR = 4


def getaddrinfo(host, port, af=0, type=0, proto=0, flags=0):
    address = str(_link.call(_RESOLVE, 0, 0, host.encode()), "utf-8")
    return [(AF_INET, SOCK_STREAM, 0, "", (address, port))]


class socket(io.IOBase):
    def __init__(self, af=AF_INET, type=SOCK_STREAM, proto=0):
        if type != SOCK_STREAM:
            raise OSError(93)
        self._timeout_us = -1
        self._fd = _link.call(_OPEN)

    def connect(self, address):
        _link.call(_CONNECT, self._fd, self._timeout_us, ("%s\0%d" % address).encode())

    def settimeout(self, seconds):
        self._timeout_us = -1 if seconds is None else int(seconds * 1000000)

    def setblocking(self, flag):
        self._timeout_us = -1 if flag else 0

    def setsockopt(self, *args):
        return None

    def _recv(self, n):
        data = _link.call(_RECV, self._fd | n << 16, self._timeout_us)
        return data if isinstance(data, bytes) else b""

    def recv(self, n):
        return self._recv(n)

    def send(self, data):
        if len(data) > _CHUNK:
            data = memoryview(data)[:_CHUNK]
        return _link.call(_SEND, self._fd, self._timeout_us, data)

    def sendall(self, data):
        data = memoryview(data)
        at = 0
        while at < len(data):
            at += self.send(data[at:])

    def write(self, data, size=None):
        if isinstance(data, str):
            data = data.encode()
        if size is not None:
            data = memoryview(data)[:size]
        if self._timeout_us == 0:
            try:
                return self.send(data)
            except OSError as error:
                if error.errno == 11:
                    return None
                raise
        self.sendall(data)
        return len(data)

    def read(self, n=-1):
        out = b""
        while n < 0 or len(out) < n:
            try:
                part = self._recv(_CHUNK if n < 0 else n - len(out))
            except OSError as error:
                if error.errno == 11:
                    return out or None
                raise
            if not part:
                break
            out += part
        return out

    def readinto(self, buf, n=None):
        data = self.read(len(buf) if n is None else n)
        if data is None:
            return None
        buf[: len(data)] = data
        return len(data)

    def readline(self):
        out = b""
        while not out.endswith(b"\n"):
            part = self.read(1)
            if not part:
                break
            out += part
        return out

    def makefile(self, *args):
        return self

    def fileno(self):
        return self._fd

    def close(self):
        if self._fd:
            fd = self._fd
            self._fd = 0
            _link.call(_CLOSE, fd)

    def __enter__(self):
        return self

    def __exit__(self, *args):
        self.close()
