"""A Sensirion SHT31 on its I2C bus (SHT3x-DIS data sheet, tables cited).

Single shots in three repeatabilities, with and without clock stretching; status, soft reset, heater. Not
modelled: periodic mode, alerts, self-heating.
"""

from __future__ import annotations

from collections.abc import Callable

from ..world.clock import World
from .sensirion import Fault, Sensirion, air, word

ADDRESS = 0x44
_POWER_UP_US = 1_500  # table 4, most
_RESET_US = 1_500
_COMMAND_GAP_US = 1_000  # section 4.3
# Table 9: command to (duration in us at most, stretches); durations of table 4
_SINGLE_SHOTS = {
    0x2400: (15_000, False),
    0x240B: (6_000, False),
    0x2416: (4_000, False),
    0x2C06: (15_000, True),
    0x2C0D: (6_000, True),
    0x2C10: (4_000, True),
}
_READ_STATUS, _CLEAR_STATUS, _SOFT_RESET = 0xF32D, 0x3041, 0x30A2
_HEATER_ON, _HEATER_OFF, _BREAK = 0x306D, 0x3066, 0x3093
_ALERT_PENDING, _HEATER, _RESET_DETECTED, _NOT_EXECUTED = 0x8000, 0x2000, 0x0010, 0x0002


class Sht31(Sensirion):
    """temperature_dc() in 0.1 °C (−45…130), humidity_dp() in 0.1 %. It is powered and started when made.

    measurements: single shots that were read.
    """

    def __init__(
        self, world: World, temperature_dc: Callable[[], int], humidity_dp: Callable[[], int]
    ) -> None:
        super().__init__(world)
        self.measurements = 0
        self._temperature_dc = temperature_dc
        self._humidity_dp = humidity_dp
        self._restart(0)

    def _restart(self, after_us: int) -> None:
        self._status = _ALERT_PENDING | _RESET_DETECTED
        self._ready_us = self._world.now_us + after_us  # acknowledges nothing before
        self._next_us = self._ready_us  # takes no command before
        self._answer = b""
        self._answer_us = 0
        self._stretches = False

    def power(self, on: bool) -> None:
        if bool(on) != self._powered:
            self._powered = bool(on)
            self._restart(_POWER_UP_US)

    @property
    def _measures(self) -> bool:
        return len(self._answer) == 6 and (self._world.now_us < self._answer_us or self.fault is Fault.SILENT)

    def write(self, data: bytes) -> bool:
        """A write transfer; an empty one only asks whether it is there."""
        now_us = self._world.now_us
        if not self._is_there or now_us < self._ready_us or self._measures:
            return self._refuse()
        if not data:
            return True
        if now_us < self._next_us:
            return self._refuse()
        self._next_us = now_us + _COMMAND_GAP_US
        self._answer = b""
        command = int.from_bytes(data, "big") if len(data) == 2 else 0
        if command != _READ_STATUS:
            self._status &= ~_NOT_EXECUTED
        self._execute(command)
        return True

    def _execute(self, command: int) -> None:
        if command in _SINGLE_SHOTS:
            duration_us, self._stretches = _SINGLE_SHOTS[command]
            self._answer_us = self._world.now_us + duration_us
            self._answer = air(self._temperature_dc(), self._humidity_dp())
        elif command == _READ_STATUS:
            self._answer_us, self._stretches = self._world.now_us, False
            self._answer = word(self._status)
        elif command == _CLEAR_STATUS:
            self._status &= _HEATER
        elif command == _SOFT_RESET:
            self._restart(_RESET_US)
        elif command in (_HEATER_ON, _HEATER_OFF):
            self._status = self._status & ~_HEATER | (_HEATER if command == _HEATER_ON else 0)
        elif command != _BREAK:
            self._status |= _NOT_EXECUTED

    def stretch_us(self) -> int:
        if not self._is_there or not self._stretches or not self._measures:
            return 0
        if self.fault is Fault.SILENT:
            return 1 << 40
        return max(self._answer_us - self._world.now_us, 0)

    def read(self, size: int) -> bytes | None:
        """The measurement, once; None (not acknowledged, section 4.4) while there is none."""
        if self._is_there and self._measures:
            return None  # which is how a driver asks whether it has ended
        if not self._is_there or self._world.now_us < self._ready_us or not self._answer:
            self._refuse()
            return None
        self.measurements += len(self._answer) == 6
        return self._take_answer(size)
