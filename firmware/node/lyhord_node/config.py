"""Texts that an installer gives the node: name, place, sensors, WiFi, broker. Each is one NVS key.

Passwords are stored, used and never shown.
"""

from micropython import const

from lyhord_wire.codes import PROFILE_BIN, PROFILE_BUILDING

_TEXT = const(0)
_SECRET = const(1)
_PORT = const(2)
_LATITUDE = const(3)
_LONGITUDE = const(4)
_PROFILE = const(5)
_SENSOR = const(6)  # what may be there is the board's business, see `sensor_config.py`
_PIN = const(7)
PROFILES = {"bin": PROFILE_BIN, "building": PROFILE_BUILDING}
NAME_MAX = const(24)  # bytes, `lyhord_wire.about.TEXT_MAX`

# name: (kind, most bytes, default)
FIELDS = {
    "name": (_TEXT, NAME_MAX, ""),
    "profile": (_PROFILE, 8, "bin"),
    "latitude": (_LATITUDE, 11, ""),
    "longitude": (_LONGITUDE, 11, ""),
    "ranger": (_SENSOR, 16, "usual"),
    "thermometer": (_SENSOR, 16, "usual"),
    "co2": (_SENSOR, 16, "usual"),
    "tilt": (_SENSOR, 16, "usual"),
    "pulses": (_SENSOR, 16, "usual"),
    "occupancy": (_SENSOR, 16, "usual"),
    "supply": (_SENSOR, 16, "usual"),
    "wifi_ssid": (_TEXT, 32, ""),
    "wifi_password": (_SECRET, 63, ""),
    "broker_host": (_TEXT, 64, ""),
    "broker_port": (_PORT, 5, "1883"),
    "broker_pin": (_PIN, 64, ""),
    "broker_user": (_TEXT, 64, ""),
    "broker_password": (_SECRET, 64, ""),
}
ABOUT_FIELDS = ("name", "profile", "latitude", "longitude")  # what an about report tells

_MICRO = const(6)  # decimals of a degree that are kept


def is_sensor(name):
    """True if the field says which sensor is in a slot of `sensor_config.py`."""
    return name in FIELDS and FIELDS[name][0] == _SENSOR


def text(nvs, name):
    """The field's value as text; its default, mostly empty, where nothing was set."""
    data = nvs.blob(name)
    return FIELDS[name][2] if data is None else data.decode()


def shown(name, value):
    """`value` as it may be printed."""
    if FIELDS[name][0] == _SECRET:
        return "(set)" if value else "(not set)"
    return value


def objection(name, value):
    """The reason why `value` (text) cannot be the field's; None if it can. Empty: forgets the field."""
    kind, longest, _ = FIELDS[name]
    if len(value.encode()) > longest:
        return "%s: expected up to %d bytes" % (name, longest)
    if not value:
        return None
    if kind == _PORT and not (value.isdigit() and 1 <= int(value) <= 65535):
        return name + ": expected 1...65535"
    if kind == _PIN and not (
        len(value) == longest and all(digit in "0123456789abcdefABCDEF" for digit in value)
    ):
        return name + ": expected 64 hex digits, the SHA-256 of the broker's certificate"
    if kind == _PROFILE and value not in PROFILES:
        return "profile: expected bin or building"
    if kind in (_LATITUDE, _LONGITUDE):
        limit = 90 if kind == _LATITUDE else 180
        degrees = micro_degrees(value)
        if degrees is None or not -limit * 1_000_000 <= degrees <= limit * 1_000_000:
            return "%s: expected degrees -%d...%d with up to 6 decimals" % (name, limit, limit)
    return None


def _is_hex(value):
    for digit in value:
        if digit not in "0123456789abcdefABCDEF":
            return False
    return True


def save(nvs, name, value):
    """Sets a field; durable after the caller's commit. ValueError where `objection` has one."""
    why = objection(name, value)
    if why:
        raise ValueError(why)
    if value:
        nvs.set_blob(name, value.encode())
    else:
        nvs.erase(name)


def micro_degrees(value):
    """Decimal degrees as text ("59.195", "-0.5") → degrees × 10⁶ as an integer; None for other texts."""
    sign = -1 if value[:1] == "-" else 1
    digits = value[1:] if sign < 0 else value
    whole, _, decimals = digits.partition(".")
    if not whole.isdigit() or len(decimals) > _MICRO or (decimals and not decimals.isdigit()):
        return None
    return sign * int(whole + decimals + "0" * (_MICRO - len(decimals)))
