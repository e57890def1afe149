# Virtual time: epoch 2000, ticks of 30 bits; a read of the ticks costs 10 us so that busy waits end.
import _link
import utime
from micropython import const

_SLEEP = const(3)
_MASK = const(0x3FFFFFFF)
_HALF = const(0x20000000)
_EPOCH = const(946684800)  # 2000-01-01 in Unix seconds


def ticks_us():
    return (_link.clock(10) - _link.boot) & _MASK


def ticks_ms():
    return (_link.clock(10) - _link.boot) // 1000 & _MASK


def ticks_cpu():
    return ticks_us()


def ticks_add(ticks, delta):
    return ticks + delta & _MASK


def ticks_diff(a, b):
    return (a - b + _HALF & _MASK) - _HALF


def sleep_us(us):
    if us > 200:
        _link.call(_SLEEP, us)
    elif us > 0:
        _link.charge(us)


def sleep_ms(ms):
    if ms > 0:
        _link.call(_SLEEP, ms * 1000)


def sleep(seconds):
    us = int(seconds * 1000000)
    if us > 0:
        _link.call(_SLEEP, us)


def time():
    return (_link.clock(10) + _link.rtc) // 1000000


def time_ns():
    return (_link.clock(10) + _link.rtc) * 1000


def gmtime(seconds=None):
    t = utime.gmtime((time() if seconds is None else seconds) + _EPOCH)
    return t[:8]


localtime = gmtime


def mktime(t):
    return int(utime.mktime(tuple(t[:8]) + (0,))) - _EPOCH
