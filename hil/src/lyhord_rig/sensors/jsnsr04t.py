"""A JSN-SR04T (or AJ-SR04M) ultrasonic ranger with its mode resistor set to serial.

47 kΩ: a frame every 100 ms. 120 kΩ: one frame for each byte 0x55. For its pulse mode take an
`HcSr04`. Frames as ESPHome's component reads them; the two makes differ in their sum.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from ..world.clock import World
from .serial_ranger import Fault, SerialRanger, binary_frame

BLIND_MM = 200
FARTHEST_MM = 6_000
CYCLE_US = 100_000
REQUEST = 0x55
_NO_ECHO_US = 60_000
_COMPUTE_US = 10_000
_START_US = 200_000  # a guess

__all__ = ["Fault", "JsnSr04t", "Mode"]


class Mode(Enum):
    AUTOMATIC = "47 k"
    ON_REQUEST = "120 k"


class JsnSr04t(SerialRanger):
    """Nearer than its blind zone it reads about 200 mm; without an echo 0.

    header_in_sum: JSN-SR04T (True), AJ-SR04M (False). ignored: requests that came while it was measuring.
    """

    def __init__(
        self,
        world: World,
        distance_mm: Callable[[], int | None],
        mode: Mode = Mode.AUTOMATIC,
        header_in_sum: bool = True,
        name: str = "jsnsr04t",
        strays: float = 0.0,
    ) -> None:
        super().__init__(world, distance_mm, name, strays)
        self.ignored = 0
        self._mode = mode
        self._header_in_sum = header_in_sum
        self._start()

    def _start(self) -> None:
        self._busy_until_us = self._world.now_us + _START_US
        if self._mode is Mode.AUTOMATIC:
            self._later(_START_US, self._cycle)

    def _cycle(self) -> None:
        self._answer(self._reading())
        self._later(CYCLE_US, self._cycle)

    def receive(self, data: bytes) -> None:
        """0x55 asks for one measurement; anything else, and all in automatic mode, does nothing."""
        if not self._powered or self._mode is Mode.AUTOMATIC:
            return
        for value in data:
            if value != REQUEST:
                continue
            if self._world.now_us < self._busy_until_us:
                self.ignored += 1
                continue
            reading_mm = self._reading()
            echo_us = 2 * reading_mm * 1_000 // 343 if reading_mm else _NO_ECHO_US
            self._busy_until_us = self._world.now_us + echo_us + _COMPUTE_US
            self._later(echo_us + _COMPUTE_US, self._answer, reading_mm)

    def _reading(self) -> int:
        distance_mm = self._measure()
        if distance_mm is None or distance_mm > FARTHEST_MM:
            return 0
        return max(distance_mm, BLIND_MM + self._rng.randrange(10))

    def _answer(self, reading_mm: int) -> None:
        self._send(binary_frame(reading_mm, self._header_in_sum))
