"""ESP32's non-volatile storage: values last only after commit, names have at most 15 characters.

Error numbers are those of ESP-IDF's nvs.h, negated as MicroPython's esp32.NVS raises them.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from .board_call import Answer, failed

NOT_FOUND = -0x1102
TYPE_MISMATCH = -0x1103
NOT_ENOUGH_SPACE = -0x1105
INVALID_NAME = -0x1106
KEY_TOO_LONG = -0x1109
INVALID_LENGTH = -0x110C
_NAME_MAX = 15
_ENTRIES = 630  # 24 KiB partition: six pages of 126 entries of 32 bytes, one page kept free

Value = int | bytes


def _entries(value: Value) -> int:
    return 1 if isinstance(value, int) else 3 + len(value) // 32


class Nvs:
    """One board's namespaces in one file, written whole and atomically at commit."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.commits = 0
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
        self._values = self._copy(self._durable)

    def erase_all(self) -> None:
        """As `esptool erase_flash` does."""
        self._durable = {}
        self._values = {}
        self._path.unlink(missing_ok=True)

    def get(self, space: str, key: str) -> Value | None:
        return self._values.get(space, {}).get(key)

    def handle(self, what: int, number: int, data: bytes) -> Answer:
        """One call of esp32.NVS: the operation, its integer, and namespace NUL key NUL blob."""
        name, key, blob = data.split(b"\0", 2)
        return self._do(what, name.decode(), key.decode(), number, blob)

    def _do(self, what: int, name: str, key: str, number: int, blob: bytes) -> Answer:
        if not 0 < len(name) <= _NAME_MAX:
            return failed(INVALID_NAME, "ESP_ERR_NVS_INVALID_NAME")
        if what == 7:
            return Answer()
        if what == 6:
            self._commit(name)
            return Answer()
        if not 0 < len(key) <= _NAME_MAX:
            return failed(KEY_TOO_LONG, "ESP_ERR_NVS_KEY_TOO_LONG")
        space = self._values.setdefault(name, {})
        if what in (1, 3):
            return self._set(space, key, number if what == 1 else blob)
        value = space.get(key)
        if value is None:
            return failed(NOT_FOUND, "ESP_ERR_NVS_NOT_FOUND")
        if what == 5:
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
        self.commits += 1
        raw = {
            name: {k: v if isinstance(v, int) else v.hex() for k, v in space.items()}
            for name, space in self._durable.items()
        }
        scratch = self._path.with_suffix(".new")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # it holds the node's key
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(raw, file)
        scratch.replace(self._path)
