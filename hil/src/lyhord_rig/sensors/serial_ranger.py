"""Ultrasonic rangers with a serial output, the common part: a distance, its noise, bytes at 9600 baud.

Not modelled: the temperature of the air (they compensate it, or assume one: their makers do not say), beam
and target.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import Any

from ..world.clock import Handle, World

BAUD = 9_600
BYTE_US = 10 * 1_000_000 // BAUD
NOISE_MM = 2
_NOISE_BYTES = 5


class Fault(Enum):
    SILENT = "silent"  # absent, or its wire is cut
    CORRUPT = "corrupt"  # one bit of every frame is wrong
    NOISE = "noise"  # random bytes instead of every frame


class SerialRanger(ABC):
    """distance_mm() of the surface, None for none. It is powered when made and starts up then.

    Noise of ±2 mm and stray readings (share `strays`: half too near, half none) depend on the world's seed
    and `name` alone. A sensor that is powered costs the world events all the time: connect `power` to
    what switches its supply.
    """

    baud = BAUD

    def __init__(
        self, world: World, distance_mm: Callable[[], int | None], name: str, strays: float = 0.0
    ) -> None:
        self.fault: Fault | None = None
        self.strays = strays
        self.frames = 0
        self.unheard = 0
        self._world = world
        self._distance_mm = distance_mm
        self._rng = world.rng(name)
        self._deliver: Callable[[bytes], object] | None = None
        self._handles: list[Handle] = []
        self._free_us = 0  # its transmitter is busy until then
        self._powered = True

    @abstractmethod
    def _start(self) -> None:
        """Power is there."""

    def connect(self, deliver: Callable[[bytes], object]) -> None:
        """The receive line of a UART."""
        self._deliver = deliver

    def receive(self, data: bytes) -> None:
        """Takes what comes on its own receive line: most have none."""
        self.unheard += len(data)

    def power(self, on: bool) -> None:
        """Supply on or off; off breaks a frame off."""
        if bool(on) == self._powered:
            return
        self._powered = bool(on)
        for handle in self._handles:
            handle.cancel()
        self._handles.clear()
        self._free_us = 0
        if self._powered:
            self._start()

    def _later(self, us: int, fn: Callable[..., object], *args: Any) -> Handle:
        self._handles = [handle for handle in self._handles if handle.pending]
        handle = self._world.call_later(us, fn, *args)
        self._handles.append(handle)
        return handle

    def _measure(self) -> int | None:
        """One ping: mm, or None without an echo."""
        noise_mm = self._rng.randint(-NOISE_MM, NOISE_MM)
        luck, fraction = self._rng.random(), self._rng.random()
        distance_mm = self._distance_mm()
        if distance_mm is None or luck < self.strays / 2:
            return None
        if luck < self.strays:
            return int(distance_mm * (0.3 + 0.6 * fraction))
        return max(distance_mm + noise_mm, 0)

    def _send(self, frame: bytes) -> None:
        """Each byte arrives at the end of its stop bit."""
        self.frames += 1
        if self.fault is Fault.SILENT:
            return
        if self.fault is Fault.NOISE:
            frame = self._rng.randbytes(_NOISE_BYTES)
        elif self.fault is Fault.CORRUPT:
            at = self._rng.randrange(1, len(frame))
            frame = frame[:at] + bytes([frame[at] ^ 0x10]) + frame[at + 1 :]
        self._transmit(frame)

    def _transmit(self, data: bytes) -> None:
        begin_us = max(self._free_us, self._world.now_us)
        for at, value in enumerate(data, 1):
            self._later(begin_us + at * BYTE_US - self._world.now_us, self._byte, bytes([value]))
        self._free_us = begin_us + len(data) * BYTE_US

    def _byte(self, data: bytes) -> None:
        if self._deliver is not None:
            self._deliver(data)


def binary_frame(value: int, header_in_sum: bool) -> bytes:
    """FF, high, low, sum: of all three bytes, or (AJ-SR04M) of the two of the value."""
    high, low = value >> 8 & 0xFF, value & 0xFF
    return bytes((0xFF, high, low, (0xFF * header_in_sum + high + low) & 0xFF))
