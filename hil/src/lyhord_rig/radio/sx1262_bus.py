"""The SX1262's pins as its driver sees them: SPI with BUSY, reset, supply, and the list of its misuses.

Sections and tables cited are of Semtech's DS.SX1261-2.W.APP rev 2.1. A command is executed when NSS rises,
and BUSY is high from then until the chip can take the next one (figure 8-3; the 600 ns until it rises are
less than any driver here can see). A transfer that begins while BUSY is high is lost.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import Enum
from typing import Protocol

from ..world.clock import Handle, World
from . import sx1262_tables as tab

_RESET_LOW_US = 100  # section 8.1
_COLD_START_US = 3_500  # table 8-3: sleep without retention to standby, and after power-on and reset
_WARM_START_US = 340
_FALL_ASLEEP_US = 500  # section 13.1.1: deaf while it saves its configuration and switches off
_VIOLATIONS_KEPT = 256


class Fault(Enum):
    FLOATING = "floating"  # no chip: MISO reads 0xFF, BUSY and DIO1 stay low
    GROUNDED = "grounded"  # no chip: MISO reads 0x00
    BUSY_STUCK = "busy stuck"  # BUSY is high for ever, and no command is taken
    STUCK_TX = "stuck tx"  # nothing is sent, TxDone never comes
    CRC_ERROR = "crc error"  # every payload with a CRC arrives damaged
    NO_CLOCK = "no clock"  # the crystal or the TCXO is dead


class Wire(Protocol):
    """An output pin's wire; a `ports.Line`."""

    def set(self, level: int) -> None: ...


class Sx1262Bus(ABC):
    """The chip is powered and out of reset when made, and has started up. violations: in words, with time.

    wakes: how often NSS took it out of sleep.
    """

    def __init__(self, world: World, busy: Wire | None) -> None:
        self.violations: list[str] = []
        self.violations_counted = 0
        self.wakes = 0
        self._world = world
        self._busy_line = busy
        self._fault: Fault | None = None
        self._powered = True
        self._reset_since_us: int | None = None
        self._busy_until_us = 0
        self._asleep_since_us: int | None = None
        self._kept = False  # asleep with retention
        self._waking = False
        self._ready: Handle | None = None
        self._selected = False
        self._lost = False
        self._request = bytearray()
        self._answer = b""

    # -- the chip behind the pins ------------------------------------------------------------------

    @abstractmethod
    def _restart(self, kept: bool) -> None:
        """Stop everything; the state after power-on and reset, or with what a warm start keeps."""

    @abstractmethod
    def _execute(self, opcode: int, parameters: bytes) -> int:
        """NSS rose behind a whole transfer; returns for how long BUSY stays high (us)."""

    @abstractmethod
    def _status(self) -> int: ...

    @abstractmethod
    def _answer_to(self, opcode: int) -> bytes:
        """The bytes that a Get command gives behind the status byte."""

    @abstractmethod
    def _peek(self, opcode: int, address: int) -> int:
        """One byte of ReadRegister or ReadBuffer."""

    # -- supply, reset and BUSY ----------------------------------------------------------------------

    @property
    def fault(self) -> Fault | None:
        return self._fault

    @fault.setter
    def fault(self, fault: Fault | None) -> None:
        self._fault = fault
        self._show_busy()

    @property
    def _absent(self) -> bool:
        return not self._powered or self._fault in (Fault.FLOATING, Fault.GROUNDED)

    @property
    def is_busy(self) -> bool:
        """The level of BUSY."""
        if self._absent:
            return False
        return (
            self._fault is Fault.BUSY_STUCK
            or self._reset_since_us is not None
            or self._asleep_since_us is not None
            or self._world.now_us < self._busy_until_us
        )

    def power(self, on: bool) -> None:
        """Supply on or off; off loses everything at once, a frame being sent included."""
        if bool(on) != self._powered:
            self._powered = bool(on)
            self._begin(False, _COLD_START_US)

    def reset(self, level: int) -> None:
        """The reset pin: low resets, high (or floating) lets the chip run."""
        now_us = self._world.now_us
        if not level:
            if self._reset_since_us is None:
                self._reset_since_us = now_us
                self._begin(False, 0)
        elif self._reset_since_us is not None:
            if now_us - self._reset_since_us < _RESET_LOW_US:
                self._violate(f"reset was low for {now_us - self._reset_since_us} us only")
            self._reset_since_us = None
            self._begin(False, _COLD_START_US)

    def _begin(self, kept: bool, start_us: int) -> None:
        self._asleep_since_us = None
        self._waking = False
        self._request.clear()
        self._lost = self._selected
        self._restart(kept)
        self._busy_for(start_us)

    def _busy_for(self, us: int) -> None:
        self._busy_until_us = self._world.now_us + us
        if self._ready is not None:
            self._ready.cancel()
        self._ready = self._world.call_later(us, self._become_ready) if us else None
        self._show_busy()

    def _become_ready(self) -> None:
        self._waking = False
        self._show_busy()

    def _show_busy(self) -> None:
        if self._busy_line is not None:
            self._busy_line.set(int(self.is_busy))

    def _fall_asleep(self, kept: bool) -> None:
        self._asleep_since_us = self._world.now_us
        self._kept = kept

    # -- SPI -----------------------------------------------------------------------------------------

    def select(self) -> None:
        """NSS falls: a new transfer, and the way out of sleep."""
        if self._selected:
            return
        self._selected = True
        self._lost = False
        self._request.clear()
        since_us = self._asleep_since_us
        if since_us is None or self._absent or self._fault is Fault.BUSY_STUCK:
            return
        slept_us = self._world.now_us - since_us
        if slept_us < _FALL_ASLEEP_US:
            self._violate(f"NSS low {slept_us} us after SetSleep")
        self.wakes += 1
        self._begin(self._kept, _WARM_START_US if self._kept else _COLD_START_US)
        self._waking = True
        self._lost = False

    def deselect(self) -> None:
        """NSS rises: the command is executed."""
        if not self._selected:
            return
        self._selected = False
        if not self._request or self._absent:
            return
        opcode, parameters = self._request[0], bytes(self._request[1:])
        self._request.clear()
        busy_us = self._execute(opcode, parameters)
        if busy_us:
            self._busy_for(busy_us)
        self._show_busy()

    def transfer(self, data: bytes) -> bytes:
        """Bytes on MOSI; returns as many from MISO. The first after `select` is the opcode."""
        if self._absent:
            return (b"\x00" if self._fault is Fault.GROUNDED or not self._powered else b"\xff") * len(data)
        if not self._selected:
            return b"\xff" * len(data)
        if self._reset_since_us is not None:
            self._violate("access during reset")
            return bytes(len(data))
        if data and not self._request and not self._lost and self.is_busy:
            self._lost = True
            # A status read or a NOP is the usual way to pull NSS down for long enough; it is lost as well.
            if not self._waking or data[0] not in (tab.GET_STATUS, tab.NOP):
                self._violate(f"command 0x{data[0]:02x} while BUSY")
        if self._lost:
            return bytes(len(data))
        return bytes(self._exchange(value) for value in data)

    def _exchange(self, value: int) -> int:
        self._request.append(value)
        at = len(self._request) - 1
        if at == 0:
            return 0  # nothing is defined beside the opcode
        opcode = self._request[0]
        if opcode in tab.ANSWERS:
            if at == 1:
                self._answer = self._answer_to(opcode)
                return self._status()
            return self._answer[at - 2] if at - 2 < len(self._answer) else 0
        if opcode == tab.READ_REGISTER and at >= 4:
            return self._peek(opcode, (self._request[1] << 8 | self._request[2]) + at - 4)
        if opcode == tab.READ_BUFFER and at >= 3:
            return self._peek(opcode, self._request[1] + at - 3)
        return self._status()

    def _violate(self, what: str) -> None:
        self.violations_counted += 1
        if len(self.violations) < _VIOLATIONS_KEPT:
            self.violations.append(f"{self._world.now_us} us: {what}")
