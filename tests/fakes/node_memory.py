"""NVS and RTC memory as an ESP32 has them, in a test's own memory; on both interpreters."""

_NOT_FOUND = -4354  # ESP_ERR_NVS_NOT_FOUND


class Nvs:
    """`kept` is what was committed; `lose_power` forgets the rest. `commits` counts them."""

    def __init__(self):
        self.kept = {}
        self._new = {}
        self.commits = 0

    def lose_power(self):
        self._new = dict(self.kept)

    def _get(self, key):
        if key not in self._new:
            raise OSError(_NOT_FOUND)
        return self._new[key]

    def _set(self, key, value):
        assert len(key) <= 15, key
        self._new[key] = value

    def get_i32(self, key):
        value = self._get(key)
        assert isinstance(value, int)
        return value

    def set_i32(self, key, value):
        assert -0x80000000 <= value <= 0x7FFFFFFF
        self._set(key, value)

    def get_blob(self, key, buffer):
        data = self._get(key)
        if len(data) > len(buffer):
            raise OSError(_NOT_FOUND)
        buffer[: len(data)] = data
        return len(data)

    def set_blob(self, key, value):
        self._set(key, bytes(value))

    def erase_key(self, key):
        self._get(key)
        del self._new[key]

    def commit(self):
        self.commits += 1
        self.kept = dict(self._new)


class Rtc:
    """`machine.RTC` as far as its memory goes."""

    def __init__(self):
        self._memory = b""

    def memory(self, data=None):
        if data is None:
            return self._memory
        assert len(data) <= 2048
        self._memory = bytes(data)
        return None

    def lose_power(self):
        self._memory = b""
