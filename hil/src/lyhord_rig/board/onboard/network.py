import _link
from micropython import const

_WLAN = const(40)
_ACTIVE = const(0)
_CONNECT = const(1)
_DISCONNECT = const(2)
_STATUS = const(3)
_RSSI = const(4)
_ADDRESS = const(5)
_MAC = const(6)

STA_IF = 0
AP_IF = 1
STAT_IDLE = 1000
STAT_CONNECTING = 1001
STAT_GOT_IP = 1010
STAT_NO_AP_FOUND = 201
STAT_WRONG_PASSWORD = 202
STAT_BEACON_TIMEOUT = 200
STAT_ASSOC_FAIL = 203
STAT_HANDSHAKE_TIMEOUT = 204
AUTH_OPEN = 0
AUTH_WPA2_PSK = 3


class WLAN:
    IF_STA = 0
    IF_AP = 1
    PM_NONE = 0
    PM_PERFORMANCE = 1
    PM_POWERSAVE = 2

    def __init__(self, interface=STA_IF):
        if interface != STA_IF:
            raise ValueError("only the station interface")

    def active(self, on=None):
        return bool(_link.call(_WLAN, _ACTIVE, -1 if on is None else 1 if on else 0))

    def connect(self, ssid=None, key=None, **kw):
        _link.call(_WLAN, _CONNECT, 0, ("%s\0%s" % (ssid, key or "")).encode())

    def disconnect(self):
        _link.call(_WLAN, _DISCONNECT)

    def isconnected(self):
        return _link.call(_WLAN, _STATUS) == STAT_GOT_IP

    def status(self, what=None):
        if what is None:
            return _link.call(_WLAN, _STATUS)
        if what == "rssi":
            return _link.call(_WLAN, _RSSI)
        raise ValueError("unknown status param")

    def ifconfig(self, config=None):
        if config is not None:
            return None
        address = _link.call(_WLAN, _ADDRESS)
        if not isinstance(address, bytes):
            return ("0.0.0.0", "0.0.0.0", "0.0.0.0", "0.0.0.0")
        address = str(address, "utf-8")
        return (address, "255.255.255.0", "192.168.4.1", "192.168.4.1")

    def config(self, *args, **kw):
        if args and args[0] == "mac":
            return _link.call(_WLAN, _MAC)
        return None


def hostname(name=None):
    return name or "mpy-esp32"


def country(code=None):
    return code or "XX"
