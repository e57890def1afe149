"""ESP32's non-volatile storage: values last only after commit, names have at most 15 characters.

Error numbers are those of ESP-IDF's nvs.h, negated as MicroPython's esp32.NVS raises them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

from .call import Answer, failed
from .process import Status

NOT_FOUND = -0x1102
TYPE_MISMATCH = -0x1103
NOT_ENOUGH_SPACE = -0x1105
INVALID_NAME = -0x1106
KEY_TOO_LONG = -0x1109
INVALID_LENGTH = -0x110C
_NAME_MAX = 15
_ENTRIES = 630  # 24 KiB partition: six pages of 126 entries of 32 bytes, one page kept free

_SET_I32, _SET_BLOB, _ERASE, _COMMIT = 1, 3, 5, 6

Value = int | bytes


def _entries(value: Value) -> int:
    return 1 if isinstance(value, int) else 3 + len(value) // 32


class Nvs:
    """One board's namespaces in one file, written whole and atomically at commit.

    ESP-IDF writes each value when it is set, whole or not at all, and promises no more than that all are
    there after a commit. So where the power goes in between, the first of them are kept and the others not.
    `strikes()`: whether the power goes in the middle of the change that begins; `survive(n)`: how many of
    n get through, 0…n-1; `cut()`: it goes.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.strikes: Callable[[], bool] = lambda: False
        self.survive: Callable[[int], int] = lambda count: 0
        self.cut: Callable[[], object] = lambda: None
        self.commits = 0
        self._changed: list[tuple[str, str, Value | None]] = []  # since the last commit; None: erased
        self._durable: dict[str, dict[str, Value]] = self._load()
        self._values = self._copy(self._durable)

    @staticmethod
    def _copy(spaces: dict[str, dict[str, Value]]) -> dict[str, dict[str, Value]]:
        return {name: dict(space) for name, space in spaces.items()}

    def _load(self) -> dict[str, dict[str, Value]]:
        if not self._path.exists():
            return {}
        raw = json.loads(self._path.read_text("utf-8"))
        return {
            name: {k: v if isinstance(v, int) else bytes.fromhex(v) for k, v in space.items()}
            for name, space in raw.items()
        }

    def drop_uncommitted(self) -> None:
        self._changed.clear()
        self._values = self._copy(self._durable)

    def erase_all(self) -> None:
        """As `esptool erase_flash` does."""
        self._durable = {}
        self._values = {}
        self._path.unlink(missing_ok=True)

    def rot(self, space: str, key: str) -> None:
        """A bit of this blob flips, with the power off."""
        blob = self._durable[space][key]
        assert isinstance(blob, bytes)
        self._durable[space][key] = blob[:-1] + bytes([blob[-1] ^ 1])
        self.drop_uncommitted()
        self._write()

    def get(self, space: str, key: str) -> Value | None:
        return self._values.get(space, {}).get(key)

    def handle(self, what: int, number: int, data: bytes) -> Answer:
        """One call of esp32.NVS: the operation, its integer, and namespace NUL key NUL blob."""
        raw_name, raw_key, blob = data.split(b"\0", 2)
        name, key = raw_name.decode(), raw_key.decode()
        if what == _COMMIT and self.strikes():
            return self._tear()
        answer = self._do(what, name, key, number, blob)
        if what in (_SET_I32, _SET_BLOB, _ERASE) and answer.status is Status.OK:
            self._changed.append((name, key, self.get(name, key)))
            if self.strikes():
                return self._tear()
        return answer

    def _tear(self) -> Answer:
        for name, key, value in self._changed[: self.survive(len(self._changed) + 1)]:
            space = self._durable.setdefault(name, {})
            if value is None:
                space.pop(key, None)
            else:
                space[key] = value
        self._write()
        self.cut()
        return Answer()

    def _do(self, what: int, name: str, key: str, number: int, blob: bytes) -> Answer:
        if not 0 < len(name) <= _NAME_MAX:
            return failed(INVALID_NAME, "ESP_ERR_NVS_INVALID_NAME")
        if what == 7:
            return Answer()
        if what == _COMMIT:
            self._commit(name)
            return Answer()
        if not 0 < len(key) <= _NAME_MAX:
            return failed(KEY_TOO_LONG, "ESP_ERR_NVS_KEY_TOO_LONG")
        space = self._values.setdefault(name, {})
        if what in (_SET_I32, _SET_BLOB):
            return self._set(space, key, number if what == _SET_I32 else blob)
        value = space.get(key)
        if value is None:
            return failed(NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        if what == _ERASE:
            del space[key]
            return Answer()
        if isinstance(value, int):
            return Answer(value) if what == 2 else failed(TYPE_MISMATCH, "ESP_ERR_NVS_TYPE_MISMATCH")
        if what != 4:
            return failed(TYPE_MISMATCH, "ESP_ERR_NVS_TYPE_MISMATCH")
        if len(value) > number:
            return failed(INVALID_LENGTH, "ESP_ERR_NVS_INVALID_LENGTH")
        return Answer(0, 0, value)

    def _set(self, space: dict[str, Value], key: str, value: Value) -> Answer:
        used = sum(_entries(v) for s in self._values.values() for v in s.values())
        if key in space:
            used -= _entries(space[key])
        if used + _entries(value) > _ENTRIES:
            return failed(NOT_ENOUGH_SPACE, "ESP_ERR_NVS_NOT_ENOUGH_SPACE")
        space[key] = value
        return Answer()

    def _commit(self, name: str) -> None:
        self._durable[name] = dict(self._values.get(name, {}))
        self._changed = [change for change in self._changed if change[0] != name]
        self.commits += 1
        self._write()

    def _write(self) -> None:
        raw = {
            name: {k: v if isinstance(v, int) else v.hex() for k, v in space.items()}
            for name, space in self._durable.items()
        }
        scratch = self._path.with_suffix(".new")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds the node's key
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(raw, file)
        scratch.replace(self._path)
