import _link
from micropython import const

_SLEEP = const(3)
_RESTART = const(6)
_DEEPSLEEP = const(7)
_WDT = const(8)
_PIN_INIT = const(10)
_PIN_READ = const(11)
_PIN_WRITE = const(12)
_PIN_IRQ = const(13)
_PIN_HOLD = const(14)
_ADC = const(15)
_PULSE = const(16)
_SPI = const(17)
_RTC_SET = const(23)
_RTC_MEM_GET = const(24)
_RTC_MEM_SET = const(25)
_CHIP = const(29)
_EPOCH = const(946684800)

PWRON_RESET = 1
HARD_RESET = 2
WDT_RESET = 3
DEEPSLEEP_RESET = 4
SOFT_RESET = 5
PIN_WAKE = 2
EXT0_WAKE = 2
EXT1_WAKE = 3
TIMER_WAKE = 4
TOUCHPAD_WAKE = 5
ULP_WAKE = 6
SLEEP = 2
DEEPSLEEP = 4


class Pin:
    IN = 1
    OUT = 3
    OPEN_DRAIN = 7
    PULL_DOWN = 1
    PULL_UP = 2
    IRQ_RISING = 1
    IRQ_FALLING = 2
    WAKE_LOW = 4
    WAKE_HIGH = 5
    DRIVE_0 = 0
    DRIVE_1 = 1
    DRIVE_2 = 2
    DRIVE_3 = 3

    def __init__(self, id, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if isinstance(id, Pin):
            id = id.id
        self.id = id
        self.init(mode, pull, value=value, drive=drive, hold=hold)

    def init(self, mode=-1, pull=-1, *, value=None, drive=None, hold=None):
        if hold is not None and not hold:
            _link.call(_PIN_HOLD, self.id, 0)
        if mode != -1 or pull not in (-1, None) or value is not None:
            level = 2 if value is None else 1 if value else 0
            _link.call(_PIN_INIT, self.id, (mode & 0xFF) | ((pull or 0) & 0xFF) << 8 | level << 16)
        if hold:
            _link.call(_PIN_HOLD, self.id, 1)

    def value(self, level=None):
        _link.charge(2)
        if level is None:
            return _link.call(_PIN_READ, self.id)
        _link.post(_PIN_WRITE, self.id, 1 if level else 0)

    __call__ = value

    def on(self):
        self.value(1)

    def off(self):
        self.value(0)

    def toggle(self):
        self.value(not self.value())

    def irq(self, handler=None, trigger=3, wake=None, hard=False):
        if handler is None:
            _link.irqs.pop(self.id, None)
            trigger = 0
        else:
            _link.irqs[self.id] = (self, handler)
        _link.call(_PIN_IRQ, self.id, trigger)

    def __repr__(self):
        return "Pin(%d)" % self.id


class SPI:
    MSB = 0
    LSB = 1

    def __init__(self, id, baudrate=1000000, *args, **kw):
        self._bus = id
        self.init(baudrate, *args, **kw)

    def init(self, baudrate=1000000, polarity=0, phase=0, bits=8, firstbit=0, sck=None, mosi=None, miso=None):
        if bits != 8 or firstbit != 0:
            raise ValueError("bits, firstbit")
        self._mode = polarity << 1 | phase
        self._baudrate = baudrate

    def deinit(self):
        return None

    def _charge(self, size):
        _link.charge(10 + size * 8000000 // self._baudrate)

    def write(self, buf):
        self._charge(len(buf))
        _link.post(_SPI, self._bus, self._mode | 4, buf)

    def write_readinto(self, out, into):
        if len(out) != len(into):
            raise ValueError("buffers must be the same length")
        self._charge(len(out))
        _link.call(_SPI, self._bus, self._mode, out, into)

    def readinto(self, into, write=0):
        self.write_readinto(bytes([write]) * len(into), into)

    def read(self, n, write=0):
        into = bytearray(n)
        self.readinto(into, write)
        return bytes(into)


class SoftSPI(SPI):
    def __init__(self, baudrate=500000, *args, **kw):
        SPI.__init__(self, -1, baudrate, *args, **kw)


class ADC:
    ATTN_0DB = 0
    ATTN_2_5DB = 1
    ATTN_6DB = 2
    ATTN_11DB = 3
    WIDTH_12BIT = 3

    def __init__(self, pin, *, atten=0):
        self._pin = pin.id if isinstance(pin, Pin) else pin
        self._atten = atten

    def init(self, *, atten=0):
        self._atten = atten

    def atten(self, atten):
        self._atten = atten

    def width(self, bits):
        return None

    def _full(self):
        return (950000, 1250000, 1750000, 2450000)[self._atten]

    def read_uv(self):
        # The ESP32's converter is good to this level only; above it the reading clips.
        _link.charge(60)
        return min(_link.call(_ADC, self._pin), self._full() if self._atten < 3 else 3100000)

    def read_u16(self):
        full = self._full() if self._atten < 3 else 3100000
        return self.read_uv() * 65535 // full

    def read(self):
        return self.read_u16() >> 4


class RTC:
    def datetime(self, t=None):
        import utime

        if t is None:
            us = _link.clock(10) + _link.rtc
            g = utime.gmtime(us // 1000000 + _EPOCH)
            return (g[0], g[1], g[2], g[6], g[3], g[4], g[5], us % 1000000)
        seconds = int(utime.mktime((t[0], t[1], t[2], t[4], t[5], t[6], 0, 0, 0))) - _EPOCH
        _link.rtc = _link.call(_RTC_SET, seconds * 1000000 + t[7])

    init = datetime

    def memory(self, data=None):
        if data is not None:
            if len(data) > 2048:
                raise ValueError("buffer too long")
            _link.call(_RTC_MEM_SET, 0, 0, data)
            return None
        data = _link.call(_RTC_MEM_GET)
        return data if isinstance(data, bytes) else b""


class WDT:
    def __init__(self, id=0, timeout=5000):
        if id != 0:
            raise ValueError
        if timeout <= 0:
            raise ValueError("WDT timeout too short")
        _link.call(_WDT, timeout * 1000)

    def feed(self):
        _link.call(_WDT, 0)


def deepsleep(ms=-1):
    _link.call(_DEEPSLEEP, ms * 1000 if ms >= 0 else -1)


def lightsleep(ms=-1):
    _link.call(_SLEEP, ms * 1000 if ms >= 0 else 1 << 60, 1)  # 1: lightly, for whoever counts current


sleep = lightsleep


def idle():
    _link.call(_SLEEP, 100)


def reset():
    _link.call(_RESTART, HARD_RESET)


def soft_reset():
    _link.call(_RESTART, SOFT_RESET)


def reset_cause():
    return _link.call(_CHIP, 0)


def wake_reason():
    return _link.call(_CHIP, 1)


def unique_id():
    return _link.call(_CHIP, 2)


def freq(hz=None):
    return 160000000 if hz is None else None


def disable_irq():
    return _link.mask(True)


def enable_irq(state):
    _link.mask(state)


def time_pulse_us(pin, level, timeout_us=1000000):
    return _link.call(_PULSE, pin.id | (1 if level else 0) << 8, timeout_us)


def __getattr__(name):
    # Not every firmware has them: they take heap when they are asked for.
    if name == "UART":
        import _uart

        return _uart.UART
    if name == "I2C" or name == "SoftI2C":
        import _i2c

        return getattr(_i2c, name)
    raise AttributeError(name)
