"""Values that outlive everything but a full erase: namespace "lyhord" of the ESP32's NVS partition.

Keys have at most 15 characters. A value is durable only after `commit`; several may go into one.
"""

from micropython import const

_NAMESPACE = "lyhord"
_BLOB_MAX = const(512)


class Store:
    """`nvs` is an `esp32.NVS` or anything used like it."""

    def __init__(self, nvs):
        self._nvs = nvs
        self._buffer = bytearray(_BLOB_MAX)

    def number(self, key, default=None):
        """A 32-bit signed integer, or `default` where there is none."""
        try:
            return self._nvs.get_i32(key)
        except OSError:  # how esp32.NVS says "no such key"
            return default

    def set_number(self, key, value):
        self._nvs.set_i32(key, value)

    def blob(self, key):
        """Up to 512 bytes, or None where there are none."""
        try:
            size = self._nvs.get_blob(key, self._buffer)
        except OSError:
            return None
        return bytes(memoryview(self._buffer)[:size])

    def set_blob(self, key, data):
        if len(data) > _BLOB_MAX:
            raise ValueError("blob")
        self._nvs.set_blob(key, data)

    def erase(self, key):
        """Forgets a key; nothing happens where there is none."""
        try:
            self._nvs.erase_key(key)
        except OSError:
            return

    def commit(self):
        """Makes everything set since the last commit durable."""
        self._nvs.commit()


def open_nvs():
    """The store of this ESP32."""
    from esp32 import NVS

    return Store(NVS(_NAMESPACE))
