# machine.I2C and SoftI2C of the ESP32 port. Without acknowledgement: OSError(ENODEV).
import _link
from micropython import const

_I2C = const(52)
_READ = const(1)
_SCAN = const(2)


class I2C:
    def __init__(self, id=-1, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._bus = id & 0xFF
        self.init(scl=scl, sda=sda, freq=freq, timeout=timeout)

    def init(self, *, scl=None, sda=None, freq=400000, timeout=50000):
        self._freq = freq
        self._where = (0xFF if scl is None else scl.id) << 16 | (0xFF if sda is None else sda.id) << 24
        self._where |= timeout << 32

    def deinit(self):
        return None

    def _transfer(self, what, address, size=0, data=None, into=None):
        count = 1 + size + (0 if data is None else len(data))
        _link.charge(20 + count * 9000000 // self._freq)
        a = self._bus | address << 8 | what << 24
        return _link.call(_I2C, a, size | self._where, data, into)

    def scan(self):
        found = self._transfer(_SCAN, 0)
        return list(found) if isinstance(found, bytes) else []

    def writeto(self, addr, buf, stop=True):
        return self._transfer(0, addr, 0, buf)

    def writevto(self, addr, vector, stop=True):
        return self._transfer(0, addr, 0, b"".join(vector))

    def readfrom(self, addr, nbytes, stop=True):
        into = bytearray(nbytes)
        self.readfrom_into(addr, into)
        return bytes(into)

    def readfrom_into(self, addr, buf, stop=True):
        if len(buf):
            self._transfer(_READ, addr, len(buf), None, buf)

    def _memory(self, memaddr, addrsize):
        return bytes([memaddr >> 8 & 0xFF, memaddr & 0xFF]) if addrsize == 16 else bytes([memaddr])

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self._transfer(0, addr, 0, self._memory(memaddr, addrsize) + bytes(buf))

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        self._transfer(0, addr, 0, self._memory(memaddr, addrsize))
        return self.readfrom(addr, nbytes)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        self._transfer(0, addr, 0, self._memory(memaddr, addrsize))
        self.readfrom_into(addr, buf)


class SoftI2C(I2C):
    def __init__(self, scl, sda, *, freq=400000, timeout=50000):
        I2C.__init__(self, -1, scl=scl, sda=sda, freq=freq, timeout=timeout)
