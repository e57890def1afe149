"""A Sensirion SCD41 on its I2C bus: single shots, sleep and wake, in the times of Sensirion's own driver.

Not modelled: periodic measurement, calibration, temperature offset, self test. Those are not acknowledged.
"""

from __future__ import annotations

from collections.abc import Callable

from ..world.clock import World
from .sensirion import Fault, Sensirion, air, word

ADDRESS = 0x62
_POWER_UP_US = 30_000
_WAKE_UP_US = 30_000
_SHOT_US = 5_000_000
_EXECUTE_US = 1_000
_UNSETTLED_PPM = 350  # by which the first shot after a wake is wrong: any number that shows
_WAKE, _SLEEP, _SHOT, _READ = 0x36F6, 0x36E0, 0x219D, 0xEC05


class Scd41(Sensirion):
    """co2_ppm() in ppm, temperature_dc() in 0.1 °C, humidity_dp() in 0.1 %. Powered and started when made.

    shots: single shots that were read. is_dark: its light source is dead: 0 ppm, with a right checksum.
    """

    def __init__(
        self,
        world: World,
        co2_ppm: Callable[[], int],
        temperature_dc: Callable[[], int],
        humidity_dp: Callable[[], int],
    ) -> None:
        super().__init__(world)
        self.shots = 0
        self.is_dark = False
        self._co2_ppm = co2_ppm
        self._temperature_dc = temperature_dc
        self._humidity_dp = humidity_dp
        self._awake(0)

    def _awake(self, after_us: int) -> None:
        self.asleep = False
        self._settled = False
        self._free_us = self._world.now_us + after_us  # takes no command before
        self._measured = b""
        self._answer = b""

    def power(self, on: bool) -> None:
        if bool(on) != self._powered:
            self._powered = bool(on)
            self._awake(_POWER_UP_US)

    @property
    def _is_free(self) -> bool:
        measures = self.fault is Fault.SILENT and bool(self._measured)
        return self._is_there and not self.asleep and self._world.now_us >= self._free_us and not measures

    def write(self, data: bytes) -> bool:
        """A write transfer; an empty one only asks whether it is there."""
        command = int.from_bytes(data, "big") if len(data) == 2 else 0
        if command == _WAKE:  # never acknowledged
            if self._is_there and self.asleep:
                self._awake(_WAKE_UP_US)
            return False
        if not self._is_free or (data and command not in (_SLEEP, _SHOT, _READ)):
            return self._refuse()
        now_us = self._world.now_us
        if command == _SLEEP:
            self.asleep = True
        elif command == _SHOT:
            self._free_us = now_us + _SHOT_US
            self._measured = self._shot()
        elif command == _READ:
            if not self._measured:
                return self._refuse()
            self._free_us = now_us + _EXECUTE_US
            self._answer, self._measured = self._measured, b""
        return True

    def _shot(self) -> bytes:
        ppm = self._co2_ppm() + (0 if self._settled else _UNSETTLED_PPM)
        self._settled = True
        co2 = word(0 if self.is_dark else min(ppm, 40_000))
        return co2 + air(self._temperature_dc(), self._humidity_dp())

    def stretch_us(self) -> int:
        return 0

    def read(self, size: int) -> bytes | None:
        """The measurement, once; None (not acknowledged) while there is none."""
        if not self._is_free or not self._answer:
            self._refuse()
            return None
        self.shots += 1
        return self._take_answer(size)
