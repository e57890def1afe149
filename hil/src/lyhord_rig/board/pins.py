"""The pins of a virtual ESP32: levels and edges, SPI, ADC, pulses, 1-Wire. They read and drive a `Ports`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..world.clock import World
from .call import Answer, Call, failed
from .ports import ANY_BUS, Line, Ports, SpiDevice
from .process import Op

_RISING = 1
_FALLING = 2
_OUT = 3
_OPEN_DRAIN = 7
_PULL_UP = 2
_EINVAL = 22
_IRQ_BACKLOG = 64


class Pins:
    """Levels and modes outlive the process where the chip holds them; everything else floats at a reset."""

    def __init__(self, world: World, ports: Ports, wake: Callable[[int], None]) -> None:
        self._world = world
        self._ports = ports
        self.on_edge: Callable[[], None] | None = None
        self._wake = wake
        self._modes: dict[int, int] = {}
        self._pulls: dict[int, int] = {}
        self._driven: dict[int, int] = {}
        self._triggers: dict[int, int] = {}
        self._held: set[int] = set()
        self.deep_sleep_hold = False
        self.pending: deque[tuple[int, int]] = deque()  # (pin, time of the edge in us)
        for line in ports.lines.values():
            line.listen(self._on_line)
        self.handlers: dict[Op, Callable[[Call], Answer | None]] = {
            Op.PIN_INIT: self._init,
            Op.PIN_READ: self._read,
            Op.PIN_WRITE: self._write,
            Op.PIN_IRQ: self._irq,
            Op.PIN_HOLD: self._hold,
            Op.DEEP_HOLD: self._deep_hold,
            Op.ADC: self._adc,
            Op.SPI: self._spi,
            Op.OW_RESET: self._one_wire,
            Op.OW_WRITE: self._one_wire,
            Op.OW_READ: self._one_wire,
            Op.OW_WRITE_BIT: self._one_wire,
            Op.OW_READ_BIT: self._one_wire,
        }

    # -- lifecycle -------------------------------------------------------------------------------

    def release(self, asleep: bool = False, power: bool = True) -> None:
        """At a reset or deep sleep: interrupts are gone and pins float, unless they are held."""
        self.pending.clear()
        self._triggers.clear()
        if not power:
            self._held.clear()
            self.deep_sleep_hold = False
        kept = self._held if not asleep or self.deep_sleep_hold else set()
        for pin in sorted(self._driven):
            if pin in kept:
                continue
            self._driven.pop(pin)
            level = self._ports.floating.get(pin)
            if level is not None:
                self._ports.outputs[pin](level)
            if pin in self._ports.spi_devices:
                self._select(pin, self._ports.floating_nss[pin])
        self._modes.clear()
        self._pulls.clear()

    def level(self, pin: int) -> int:
        """The level that a read of the pin gives now."""
        if pin in self._driven:
            return self._driven[pin]
        if pin in self._ports.lines:
            return self._ports.lines[pin].level
        if pin in self._ports.inputs:
            return 1 if self._ports.inputs[pin]() else 0
        return 1 if self._pulls.get(pin) == _PULL_UP else 0

    # -- digital ---------------------------------------------------------------------------------

    def _on_line(self, line: Line) -> None:
        self._wake(line.pin)
        wanted = _RISING if line.level else _FALLING
        if not self._triggers.get(line.pin, 0) & wanted:
            return
        if len(self.pending) >= _IRQ_BACKLOG:
            return
        self.pending.append((line.pin, self._world.now_us))
        if self.on_edge is not None:
            self.on_edge()

    def _init(self, call: Call) -> Answer:
        pin, config = call.request.a, call.request.b
        mode, pull, level = config & 0xFF, config >> 8 & 0xFF, config >> 16
        if pin not in self._ports.soc.pins:
            return failed(_EINVAL, "invalid pin")
        drives = mode in (_OUT, _OPEN_DRAIN)
        if drives and pin in self._ports.soc.input_only:
            return failed(_EINVAL, "pin can only be input")
        if pull not in (0, 0xFF):
            self._pulls[pin] = pull
        if mode != 0xFF:
            self._modes[pin] = mode
            if not drives:
                self._driven.pop(pin, None)
        if level != 2:
            self._drive(pin, level)
        elif drives and pin not in self._driven:
            self._drive(pin, 0)
        return Answer()

    def _drive(self, pin: int, level: int) -> None:
        if self._modes.get(pin) not in (_OUT, _OPEN_DRAIN) or pin in self._held:
            return
        before = self._driven.get(pin)
        self._driven[pin] = level
        if before == level:
            return
        if pin in self._ports.spi_devices:
            was = self._ports.floating_nss[pin] if before is None else before
            if was != level:
                self._select(pin, level)
        if pin in self._ports.outputs:
            self._ports.outputs[pin](level)

    def _select(self, pin: int, level: int) -> None:
        _, device = self._ports.spi_devices[pin]
        if level:
            device.deselect()
        else:
            device.select()

    def _write(self, call: Call) -> Answer:
        self._drive(call.request.a, call.request.b)
        return Answer()

    def _read(self, call: Call) -> Answer:
        return Answer(self.level(call.request.a))

    def _irq(self, call: Call) -> Answer:
        pin, trigger = call.request.a, call.request.b
        if not trigger:
            self._triggers.pop(pin, None)
            return Answer()
        line = self._ports.line(pin)
        line.listen(self._on_line)
        self._triggers[pin] = trigger
        return Answer()

    def _hold(self, call: Call) -> Answer:
        if call.request.b:
            self._held.add(call.request.a)
        else:
            self._held.discard(call.request.a)
        return Answer()

    def _deep_hold(self, call: Call) -> Answer:
        self.deep_sleep_hold = bool(call.request.a)
        return Answer()

    def watch(self, pin: int) -> None:
        """Listen to the line of a wake-up pin."""
        self._ports.line(pin).listen(self._on_line)

    # -- converters and buses --------------------------------------------------------------------

    def _adc(self, call: Call) -> Answer:
        fn = self._ports.adcs.get(call.request.a)
        return Answer(max(0, fn()) if fn is not None else 142_000)  # an open input reads something like this

    def _selected(self, bus_id: int) -> list[SpiDevice]:
        return [
            device
            for pin, (bus, device) in self._ports.spi_devices.items()
            if self._driven.get(pin) == 0 and bus_id in (bus, ANY_BUS)
        ]

    def _spi(self, call: Call) -> Answer:
        request = call.request
        devices = self._selected(request.a)
        if len(devices) == 1 and not request.b & 3:
            answer = devices[0].transfer(request.data)
        else:  # nobody, two at once, or a clock mode that none of our chips has
            answer = bytes(len(request.data))
        return Answer(0, 0, answer)

    def _one_wire(self, call: Call) -> Answer:
        request = call.request
        bus = self._ports.one_wires.get(request.a)
        if bus is None:  # only the pull-up is there
            return Answer({Op.OW_READ: 0xFF, Op.OW_READ_BIT: 1}.get(request.op, 0))
        match request.op:
            case Op.OW_RESET:
                return Answer(int(bus.reset()))
            case Op.OW_WRITE:
                bus.write_byte(request.b)
            case Op.OW_READ:
                return Answer(bus.read_byte())
            case Op.OW_WRITE_BIT:
                bus.write_bit(request.b)
            case _:
                return Answer(bus.read_bit())
        return Answer()

    def pulse(self, call: Call) -> tuple[int, int]:
        """machine.time_pulse_us: its result, and how long it blocks (us)."""
        pin, level, timeout_us = call.request.a & 0xFF, call.request.a >> 8, call.request.b
        fn = self._ports.pulses.get(pin)
        result = fn(level, timeout_us) if fn is not None else -2
        return result, result if result >= 0 else timeout_us
