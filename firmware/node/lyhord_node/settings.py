"""The settings of `lyhord_wire.settings.SETTINGS` with their values, kept as one checksummed NVS blob.

A set of changes is taken whole or not at all. The blob before the last one is kept beside it: if
the newer one is damaged, the last good settings come back.
"""

import struct
from binascii import crc32

from lyhord_wire.codes import EMPTY_DISTANCE, FULL_DISTANCE

_MAGIC = b"S\x01"
_HEAD = ">IB"  # settings version, number of entries
_ENTRY = ">Bi"
_KEY = "settings"
_OLD_KEY = "settings_old"

LOCAL = 0  # settings version after a change at the node's own console: the gateway sees that it differs


class Settings:
    """`values`: setting id → integer; `version`: the gateway's number for this set, 0 for none."""

    def __init__(self, values, version=LOCAL):
        self.values = values
        self.version = version

    def __getitem__(self, key):
        if key not in self.values:  # kept by an older firmware, which did not have this setting
            self.values[key] = defaults().values[key]
        return self.values[key]


def defaults():
    """The settings of a node that nobody has set."""
    from lyhord_wire.settings import SETTINGS

    return Settings({key: setting.default for key, setting in SETTINGS.items()})


def objection(values):
    """The reason why the complete settings `values` (id → integer) cannot be; None if they can."""
    from lyhord_wire.settings import SETTINGS

    for key, value in values.items():
        setting = SETTINGS.get(key)
        if setting is None:
            return "setting %d: unknown" % key
        if not setting.low <= value <= setting.high:
            return "%s: expected %d...%d" % (setting.name, setting.low, setting.high)
    empty, full = values[EMPTY_DISTANCE], values[FULL_DISTANCE]
    if empty and full >= empty:
        return "full_distance: expected less than empty_distance, %d" % empty
    return None


def changed(settings, changes, version):
    """(new Settings, None), or (None, objection) when any of `changes` is unknown or out of range."""
    values = {key: settings[key] for key in defaults().values}
    values.update(changes)
    why = objection(values)
    return (None, why) if why else (Settings(values, version), None)


def pack(settings):
    """The settings as bytes, checksum included."""
    out = bytearray(_MAGIC)
    out.extend(struct.pack(_HEAD, settings.version, len(settings.values)))
    for key in sorted(settings.values):
        out.extend(struct.pack(_ENTRY, key, settings.values[key]))
    out.extend(crc32(out).to_bytes(4, "big"))
    return bytes(out)


def unpack(data):
    """The Settings in `data`, or None if there are none, whole. They were in range when they were packed."""
    head = len(_MAGIC) + struct.calcsize(_HEAD)
    if data is None or len(data) < head + 4 or data[: len(_MAGIC)] != _MAGIC:
        return None
    if crc32(data[:-4]) != int.from_bytes(data[-4:], "big"):
        return None
    version, count = struct.unpack(_HEAD, data[len(_MAGIC) : head])
    size = struct.calcsize(_ENTRY)
    if len(data) != head + count * size + 4:
        return None
    values = {}
    for i in range(count):
        key, value = struct.unpack(_ENTRY, data[head + i * size : head + (i + 1) * size])
        values[key] = value
    return Settings(values, version)


def load(nvs):
    """The settings kept in NVS: the newest good ones, or the defaults."""
    return unpack(nvs.blob(_KEY)) or unpack(nvs.blob(_OLD_KEY)) or defaults()


def save(nvs, settings):
    """Puts the settings into NVS, the present ones aside; durable after the caller's commit."""
    present = nvs.blob(_KEY)
    if unpack(present) is not None:
        nvs.set_blob(_OLD_KEY, present)
    nvs.set_blob(_KEY, pack(settings))
