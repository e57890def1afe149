import _link
from micropython import const

_NVS = const(26)
_WAKE_EXT0 = const(27)
_DEEP_HOLD = const(28)
_SET_I32 = const(1)
_GET_I32 = const(2)
_SET_BLOB = const(3)
_GET_BLOB = const(4)
_ERASE = const(5)
_COMMIT = const(6)
_OPEN = const(7)

WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True


class NVS:
    def __init__(self, namespace):
        self._name = namespace
        self._do(_OPEN, "")

    def _do(self, what, key, value=0, data=b"", into=None):
        head = ("%s\0%s\0" % (self._name, key)).encode()
        return _link.call(_NVS, what, value, head + data if data else head, into)

    def set_i32(self, key, value):
        if not -0x80000000 <= value <= 0x7FFFFFFF:
            raise OverflowError
        self._do(_SET_I32, key, value)

    def get_i32(self, key):
        return self._do(_GET_I32, key)

    def set_blob(self, key, value):
        self._do(_SET_BLOB, key, 0, bytes(value))

    def get_blob(self, key, buffer):
        return self._do(_GET_BLOB, key, len(buffer), b"", buffer)

    def erase_key(self, key):
        self._do(_ERASE, key)

    def commit(self):
        self._do(_COMMIT, "")


def wake_on_ext0(pin=None, level=WAKEUP_ALL_LOW):
    _link.call(_WAKE_EXT0, -1 if pin is None else pin.id, 1 if level else 0)


def wake_on_ext1(pins=None, level=WAKEUP_ALL_LOW):
    for pin in pins or ():
        _link.call(_WAKE_EXT0, pin.id | 0x100, 1 if level else 0)


def gpio_deep_sleep_hold(enable):
    _link.call(_DEEP_HOLD, 1 if enable else 0)


def mcu_temperature():
    return 40


def raw_temperature():
    return 104
