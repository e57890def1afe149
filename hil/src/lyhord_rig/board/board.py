"""A virtual ESP32: a MicroPython process that boots a flash image, with the world for its hardware."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..wifi.sockets import Sockets
from ..wifi.station import Station
from ..world.clock import Handle, World
from .call import FOREVER, Answer, Call
from .chip import Cause, Chip, Wake
from .console import Console
from .flash import Flash
from .i2c import I2cBuses
from .interpreters import Interpreters
from .pins import Pins
from .ports import Ports
from .process import BoardProcess, Op
from .program import Program
from .serial import SerialIn
from .uart import Uarts

HANG_S = 20.0  # of processor time: pure computation longer than this is a hang
_WAIT_MAX_US = 1 << 60


class State(enum.Enum):
    OFF = "off"
    RUNNING = "running"
    BLOCKED = "blocked"
    ASLEEP = "asleep"
    HALTED = "halted"  # the program ended or crashed; on the chip the prompt would wait now


class Exit(enum.Enum):
    POWER_OFF = "power off"
    POWER_CUT = "power cut"
    EN_RESET = "reset by EN"
    RESTART = "restart"
    DEEP_SLEEP = "deep sleep"
    WATCHDOG = "watchdog"


@dataclass(slots=True)
class Events:
    """Counters of one board since it was made."""

    boots: int = 0
    wakes: int = 0
    crashes: int = 0
    watchdog_resets: int = 0
    power_cuts: int = 0


class ExpectTimeout(Exception):
    """The console did not show in time what was expected; carries the end of what it showed."""


class Board:
    """One board. It is off until `power_on()`; `image` is written as the flash chip would be."""

    def __init__(
        self,
        world: World,
        name: str,
        image: Path,
        work_dir: Path,
        ports: Ports | None = None,
        heap_kib: int = 128,
        flash_blocks: int = 512,
        hang_s: float = HANG_S,
    ) -> None:
        work_dir.mkdir(parents=True, exist_ok=True)
        self.world = world
        self.name = name
        self.image = image
        self.events = Events()
        self.on_exit: list[Callable[[Board, Exit], object]] = []
        self.crash_reports: list[str] = []
        self.ports = ports if ports is not None else Ports()
        self.chip = Chip(world, name, work_dir, self.ports.soc)
        self.console = Console(work_dir / "console.log", self._typed)
        self.pins = Pins(world, self.ports, self._wake_by_pin)
        self._program = program = Program(
            world, name, hang_s, self.pins, lambda: world.computes(self), self._died
        )
        self.flash = Flash(world.rng(f"board/{name}/cut"), self._torn)
        self.chip.nvs.strikes = self.flash.strikes
        self.chip.nvs.survive = self.flash.survive
        self.chip.nvs.cut = self._torn
        self.station = Station(world, name, self.chip.unique_id)
        self.sockets = Sockets(world, self.station, program.block, program.changed)
        self.uarts = Uarts(world, self.ports, program)
        self.serial = SerialIn(
            program, self.sockets.events, self.sockets.expected, self.uarts.events, self._printed_raw
        )
        self._interpreters = Interpreters.of(world)
        self._heap_kib = heap_kib
        self._blocks = flash_blocks
        self._asleep = False
        self._halted = False
        self._powered = False
        self._watchdog: Handle | None = None
        self._watchdog_us = 0
        self._alarm: Handle | None = None
        program.handlers = {
            Op.SYNC: lambda call: Answer(),
            Op.SLEEP: self._sleep,
            Op.HALT: self._halt,
            Op.RESTART: self._restart,
            Op.DEEPSLEEP: self._deep_sleep,
            Op.WDT: self._wdt,
            Op.PULSE: self._pulse,
            **self.chip.handlers,
            **self.pins.handlers,
            **self.uarts.handlers,
            **I2cBuses(world, self.ports, program).handlers,
            **self.serial.handlers,
            **self.station.handlers,
            **self.sockets.handlers,
            Op.FLASH_WRITE: lambda call: program.delay(call, *self.flash.write(call)),
            Op.FLASH_ERASE: lambda call: program.delay(call, *self.flash.erase(call)),
            Op.FLASH_TORN: self.flash.torn,
        }
        world.add(self)

    # -- power -----------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        if not self._powered:
            return State.OFF
        if self._asleep:
            return State.ASLEEP
        if self._halted:
            return State.HALTED
        return State.RUNNING if self._program.busy else State.BLOCKED

    @property
    def sleeps_lightly(self) -> bool:
        """True while it is in machine.lightsleep(): powered, its program stands still."""
        request = self._program.waits_for
        return request is not None and request.op is Op.SLEEP and request.b == 1

    @property
    def pid(self) -> int | None:
        """Process id of the interpreter, None when none runs."""
        return self._program.pid

    def power_on(self) -> None:
        """Nothing happens when it is on already."""
        if self._powered:
            return
        self._powered = True
        for fn in self.ports.power_listeners:
            fn(True)
        self._boot(Cause.PWRON_RESET)

    def power_off(self) -> None:
        """Power is gone at this instant: RTC memory, RTC time and what was not committed are lost."""
        if self._powered:
            self.events.power_cuts += 1
            self._unpower(Exit.POWER_OFF)

    def reset(self) -> None:
        """The EN pin: a power-on reset. A board without power stays off."""
        if self._powered:
            self._end(Exit.EN_RESET)
            self._boot(Cause.PWRON_RESET)

    def cut_after_writes(self, n: int | None) -> None:
        """Power is lost in the middle of the n-th change of the flash from now (n >= 1); None: never.

        Changes are writes and erases of the file system, and sets and commits of the NVS.
        """
        self.flash.cut_after(n)

    def _unpower(self, why: Exit) -> None:
        self._powered = False
        self._end(why)
        for fn in self.ports.power_listeners:
            fn(False)

    def _torn(self) -> None:
        self.events.power_cuts += 1
        self._unpower(Exit.POWER_CUT)

    # -- lives -----------------------------------------------------------------------------------

    def _boot(self, cause: Cause, wake: Wake = Wake.NONE) -> None:
        self.events.boots += 1
        self.chip.start(cause, wake)
        self.serial.reset(True)
        self._program.start(
            BoardProcess(self._interpreters, self.image, self._blocks, self._heap_kib, self.console.printed)
        )

    def _end(self, why: Exit) -> None:
        """The program stops here; what starts it again comes after this."""
        self._program.kill()
        self._asleep = self._halted = False
        for handle in (self._watchdog, self._alarm):
            if handle is not None:
                handle.cancel()
        self._watchdog = self._alarm = None
        self.serial.reset(False)
        self.uarts.reset()
        self.sockets.reset()
        self.station.reset()
        self.chip.nvs.drop_uncommitted()
        self.pins.release(asleep=why is Exit.DEEP_SLEEP, power=self._powered)
        for fn in self.on_exit:
            fn(self, why)

    def _crashed(self, why: str) -> None:
        self.events.crashes += 1
        tail = "\n".join(list(self.console.lines)[-12:])
        self.crash_reports.append(f"{self.name} at {self.world.now_us} us: {why}\n{tail}")

    @property
    def computing(self) -> bool:
        """For the world's loop: time stands still for this board."""
        return self._program.computing

    async def settle(self) -> None:
        await self._program.settle()

    def _died(self, why: str) -> None:
        self._halted = True  # a watchdog that is armed still bites
        self._crashed(why)

    def _sleep(self, call: Call) -> None:
        us = min(call.request.a, _WAIT_MAX_US)
        if call.request.b:  # light sleep
            self.uarts.deaf_until_us = self.world.now_us + us
        self._program.delay(call, us, Answer())

    def _pulse(self, call: Call) -> None:
        result, blocked_us = self.pins.pulse(call)
        self._program.delay(call, blocked_us, Answer(result))

    # -- resets and sleep ------------------------------------------------------------------------------

    def _halt(self, call: Call) -> None:
        self._halted = True
        if call.request.a:
            self._crashed("the program ended with an exception")

    def _restart(self, call: Call) -> None:
        self._end(Exit.RESTART)
        self._boot(Cause(call.request.a))

    def _wdt(self, call: Call) -> Answer:
        if call.request.a:
            self._watchdog_us = call.request.a
        if self._watchdog is not None:
            self._watchdog.cancel()
        self._watchdog = self.world.call_later(self._watchdog_us, self._bite, label=f"{self.name} watchdog")
        return Answer()

    def _bite(self) -> None:
        self.events.watchdog_resets += 1
        self._end(Exit.WATCHDOG)
        self._boot(Cause.WDT_RESET)

    def _deep_sleep(self, call: Call) -> None:
        wake_pins = dict(self.chip.wake_pins)
        self._end(Exit.DEEP_SLEEP)
        self._asleep = True
        self.chip.wake_pins = wake_pins
        if call.request.a != FOREVER:
            self._alarm = self.world.call_later(
                call.request.a, self._wake, Wake.TIMER, label=f"{self.name} wake"
            )
        for pin in wake_pins:
            self.pins.watch(pin)
        for pin in list(wake_pins):  # a wake clears them
            if self._asleep:
                self._wake_by_pin(pin)

    def _wake_by_pin(self, pin: int) -> None:
        if not self._asleep:
            return
        wake = self.chip.wakes(pin, self.pins.level)
        if wake is not Wake.NONE:
            self._wake(wake)

    def _wake(self, wake: Wake) -> None:
        self.events.wakes += 1
        self._asleep = False
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        self._boot(Cause.DEEPSLEEP_RESET, wake)

    # -- serial ----------------------------------------------------------------------------------------

    @property
    def serial_path(self) -> str:
        """The pty that outside programs open as this board's serial port."""
        return self.console.path

    def _typed(self, data: bytes) -> None:
        self.world.post(self.serial.arrived, data, label=f"{self.name} serial in")

    def _printed_raw(self, data: bytes) -> None:
        self.console.printed(data, raw=True)

    def serial_feed(self, data: bytes) -> None:
        """Type at this virtual time, as a device in the world or a test."""
        self._typed(data)

    def serial_lines(self) -> list[str]:
        """The newest whole lines that the board printed (at most 10,000)."""
        return list(self.console.lines)

    async def type(self, text: str) -> None:
        """Type text now."""
        self.serial_feed(text.encode())

    async def expect(self, pattern: bytes, timeout_s: float) -> re.Match[bytes]:
        """Run the world until the console showed `pattern` (a regular expression) and consume up to its end.

        timeout_s is virtual. Raises ExpectTimeout.
        """
        unread = self.console.unread
        wanted = re.compile(pattern)
        await self.world.run_until(lambda: wanted.search(unread) is not None, timeout_s)
        match = wanted.search(bytes(unread))
        if match is None:
            tail = bytes(unread[-400:]).decode("utf-8", "replace")
            raise ExpectTimeout(f"{self.name}: no {pattern!r} within {timeout_s} s; it showed: {tail!r}")
        del unread[: match.end()]
        return match

    async def close(self) -> None:
        """Stop everything of this board without counting it as a power cut."""
        self.on_exit.clear()
        self._powered = False
        self._end(Exit.POWER_OFF)
        await self.sockets.close()
        self.console.close()
