# Random numbers come from the world's seed, so that a run can be repeated.
import _link
from micropython import const
from uos import *

_URANDOM = const(47)


def urandom(n):
    return _link.call(_URANDOM, n) if n else b""


def uname():
    return ("esp32", "esp32", "1.28.0", "v1.28.0", "Generic ESP32 module with ESP32")


def dupterm(stream, index=0):
    return None


def sync():
    return None
