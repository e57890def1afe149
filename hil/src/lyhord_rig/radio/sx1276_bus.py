"""The SX1276's pins as its driver sees them: SPI, reset, supply, and the list of what the driver did wrong.

Sections cited are of the Semtech SX1276/77/78/79 datasheet, rev 7.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum

from ..world.clock import World
from .sx1276_registers import COUNT, FIFO

_RESET_LOW_US = 100  # section 7.2.2
_RESET_READY_US = 5_000
_VIOLATIONS_KEPT = 256


class Fault(Enum):
    FLOATING = "floating"  # no chip: MISO reads 0xFF
    GROUNDED = "grounded"  # no chip: MISO reads 0x00
    STUCK_TX = "stuck tx"  # the synthesizer does not lock: nothing is sent, TxDone never comes
    CRC_ERROR = "crc error"  # every payload with a CRC arrives damaged


class Sx1276Bus(ABC):
    """The chip is powered and out of reset when made. violations: in words, with their time."""

    def __init__(self, world: World) -> None:
        self.fault: Fault | None = None
        self.violations: list[str] = []
        self.violations_counted = 0
        self._world = world
        self._powered = True
        self._reset_since_us: int | None = None
        self._ready_us = 0
        self._selected = False
        self._address: int | None = None
        self._writing = False

    @abstractmethod
    def _restart(self) -> None:
        """Stop everything; the state after power-on and reset."""

    @abstractmethod
    def _read(self, address: int) -> int: ...

    @abstractmethod
    def _write(self, address: int, value: int) -> None: ...

    def power(self, on: bool) -> None:
        """Supply on or off; off loses everything at once, a frame being sent included."""
        if bool(on) != self._powered:
            self._powered = bool(on)
            self._restart()

    def reset(self, level: int) -> None:
        """The reset pin: low resets, high (or floating) lets the chip run."""
        now_us = self._world.now_us
        if not level:
            if self._reset_since_us is None:
                self._reset_since_us = now_us
                self._restart()
        elif self._reset_since_us is not None:
            if now_us - self._reset_since_us < _RESET_LOW_US:
                self._violate(f"reset was low for {now_us - self._reset_since_us} us only")
            self._reset_since_us = None
            self._ready_us = now_us + _RESET_READY_US

    def select(self) -> None:
        self._selected = True
        self._address = None

    def deselect(self) -> None:
        self._selected = False

    def transfer(self, data: bytes) -> bytes:
        """Bytes on MOSI; returns as many from MISO. The first after `select` is the address."""
        if self.fault in (Fault.FLOATING, Fault.GROUNDED) or not self._powered:
            return (b"\xff" if self.fault is Fault.FLOATING else b"\x00") * len(data)
        if not self._selected:
            return b"\xff" * len(data)
        if self._reset_since_us is not None:
            self._violate("access during reset")
            return bytes(len(data))
        if self._world.now_us < self._ready_us:
            self._violate("access within 5 ms after reset")
        answer = bytearray(len(data))
        for at, value in enumerate(data):
            if self._address is None:
                self._address = value & 0x7F
                self._writing = value & 0x80 != 0
                continue
            if self._writing:
                self._write(self._address, value)
            else:
                answer[at] = self._read(self._address)
            if self._address != FIFO:  # a burst walks through the registers, but stays at the FIFO
                self._address = (self._address + 1) % COUNT
        return bytes(answer)

    def _violate(self, what: str) -> None:
        self.violations_counted += 1
        if len(self.violations) < _VIOLATIONS_KEPT:
            self.violations.append(f"{self._world.now_us} us: {what}")
