"""The part of an ESP32 that outlives its program: RTC memory and clock, non-volatile storage, reset cause."""

from __future__ import annotations

import enum
import struct
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ..world.clock import World
from .call import Answer, Call, failed
from .nvs import Nvs
from .ports import ESP32, Soc
from .process import Op

_RTC_MEMORY = 2048
_EINVAL = 22


class Cause(enum.IntEnum):
    """machine.reset_cause()"""

    PWRON_RESET = 1
    HARD_RESET = 2
    WDT_RESET = 3
    DEEPSLEEP_RESET = 4
    SOFT_RESET = 5


class Wake(enum.IntEnum):
    """machine.wake_reason()"""

    NONE = 0
    EXT0 = 2
    EXT1 = 3
    TIMER = 4


class Chip:
    def __init__(self, world: World, name: str, work_dir: Path, soc: Soc = ESP32) -> None:
        self._world = world
        self._soc = soc
        self.nvs = Nvs(work_dir / "nvs.json")
        self._random = world.rng(f"board/{name}/urandom")
        mac = world.rng(f"board/{name}/mac").getrandbits(24)
        self.unique_id = bytes([0x24, 0x6F, 0x28]) + struct.pack(">I", mac)[1:]
        self.cause = Cause.PWRON_RESET
        self.wake = Wake.NONE
        self.boot_us = 0
        self.rtc_memory = b""
        self.rtc_offset_us = 0  # RTC (us since 2000) minus the world's clock
        self.wake_pins: dict[int, tuple[int, Wake]] = {}
        # bytes: the largest free block of the heap, each time that the program asked how much is free
        self.largest_blocks: deque[int] = deque(maxlen=1000)
        self.handlers = {
            Op.HELLO: self._hello,
            Op.CHIP: self._chip,
            Op.RTC_SET: self._rtc_set,
            Op.RTC_MEM_GET: self._rtc_memory_get,
            Op.RTC_MEM_SET: self._rtc_memory_set,
            Op.NVS: self._nvs,
            Op.URANDOM: self._urandom,
            Op.WAKE_EXT: self._wake_ext,
        }

    def start(self, cause: Cause, wake: Wake = Wake.NONE) -> None:
        """A reset: what does not survive it is gone."""
        self.cause = cause
        self.wake = wake
        self.nvs.drop_uncommitted()
        self.wake_pins.clear()
        if cause is Cause.PWRON_RESET:
            self.rtc_memory = b""
            self.rtc_offset_us = -self._world.now_us
        if cause is not Cause.SOFT_RESET:
            self.boot_us = self._world.now_us

    def _hello(self, call: Call) -> Answer:
        if call.request.a:
            return Answer(self.rtc_offset_us)
        return Answer(self._random.getrandbits(30), self.boot_us)

    def _chip(self, call: Call) -> Answer:
        match call.request.a:
            case 0:
                return Answer(self.cause)
            case 1:
                return Answer(self.wake)
            case 3:
                self.largest_blocks.append(call.request.b)
                return Answer()
            case _:
                return Answer(0, 0, self.unique_id)

    def _rtc_set(self, call: Call) -> Answer:
        self.rtc_offset_us = call.request.a - self._world.now_us
        return Answer(self.rtc_offset_us)

    def _rtc_memory_get(self, call: Call) -> Answer:
        return Answer(0, 0, self.rtc_memory)

    def _rtc_memory_set(self, call: Call) -> Answer:
        self.rtc_memory = call.request.data[:_RTC_MEMORY]
        return Answer()

    def _nvs(self, call: Call) -> Answer:
        return self.nvs.handle(call.request.a, call.request.b, call.request.data)

    def _urandom(self, call: Call) -> Answer:
        return Answer(0, 0, self._random.randbytes(call.request.a))

    def _wake_ext(self, call: Call) -> Answer:
        """A wake-up pin, or -1 for none; a new ext0 replaces the old one, ext1 gathers pins."""
        pin, level = call.request.a, call.request.b
        wake = Wake.EXT1 if pin >= 0 and pin & 0x100 else Wake.EXT0
        if pin >= 0 and pin & 0xFF not in self._soc.rtc:
            return failed(_EINVAL, "invalid pin")
        if wake is Wake.EXT0:
            self.wake_pins = {p: w for p, w in self.wake_pins.items() if w[1] is not Wake.EXT0}
        if pin >= 0:
            self.wake_pins[pin & 0xFF] = (level, wake)
        return Answer()

    def wakes(self, pin: int, level_of: Callable[[int], int]) -> Wake:
        """The wake source of a change at this pin, if it has one (ESP32 technical reference, section 31)."""
        level, wake = self.wake_pins.get(pin, (-1, Wake.NONE))
        if level_of(pin) != level:
            return Wake.NONE
        if wake is Wake.EXT1 and not level and not self._soc.any_low:
            others = [other for other, (_, by) in self.wake_pins.items() if by is Wake.EXT1]
            return wake if not any(level_of(other) for other in others) else Wake.NONE
        return wake
