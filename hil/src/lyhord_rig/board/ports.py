"""The ports of a board: it reads and drives these; devices are wired to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

ANY_BUS = -1  # SoftSPI and SoftI2C have no number: they find their device by its pins or address alone


class SpiDevice(Protocol):
    def select(self) -> None: ...

    def transfer(self, data: bytes) -> bytes: ...

    def deselect(self) -> None: ...


class OneWireBusLike(Protocol):
    def reset(self) -> bool: ...

    def write_byte(self, value: int) -> None: ...

    def read_byte(self) -> int: ...

    def write_bit(self, value: int) -> None: ...

    def read_bit(self) -> int: ...


class SerialDevice(Protocol):
    """A device on a UART, 8N1. It sends by what `connect` gave it, each byte at the end of its stop bit."""

    @property
    def baud(self) -> int: ...

    def connect(self, deliver: Callable[[bytes], object]) -> None: ...

    def receive(self, data: bytes) -> None:
        """Takes what the board sent, at the end of its last stop bit."""


class I2cDevice(Protocol):
    @property
    def holds_bus(self) -> bool:
        """True if it keeps SDA or SCL low, so that nothing on the bus can be reached."""

    def write(self, data: bytes) -> bool:
        """A write transfer; False without acknowledgement (of the address, or of a byte)."""

    def read(self, size: int) -> bytes | None:
        """A read transfer of `size` bytes; None when the address is not acknowledged."""

    def stretch_us(self) -> int:
        """The time that it would hold the clock in a read transfer that begins now."""


@dataclass(frozen=True, slots=True)
class Soc:
    """The chip of a board. input_only: pins without output driver and pulls; rtc: those that wake it."""

    name: str
    pins: frozenset[int]
    input_only: frozenset[int]
    rtc: frozenset[int]
    any_low: bool  # ext1 wakes on any low pin; otherwise only when all are low


# Datasheets ESP32 (section 2.2, table 2-5) and ESP32-S3 (section 2.3): GPIO 22 to 25 do not exist there.
ESP32 = Soc(
    "esp32",
    frozenset(range(40)),
    frozenset(range(34, 40)),
    frozenset((0, 2, 4, 12, 13, 14, 15, 25, 26, 27, *range(32, 40))),
    False,
)
ESP32_S3 = Soc("esp32s3", frozenset((*range(22), *range(26, 49))), frozenset(), frozenset(range(22)), True)


class Line:
    """A wire that a device drives; the board sees its level and its edges."""

    __slots__ = ("_listener", "level", "pin")

    def __init__(self, pin: int, level: int = 0) -> None:
        self.pin = pin
        self.level = level
        self._listener: Callable[[Line], None] | None = None

    def set(self, level: int) -> None:
        """Drive the wire; an edge raises the board's Pin.irq at this very virtual time."""
        level = 1 if level else 0
        if level == self.level:
            return
        self.level = level
        if self._listener is not None:
            self._listener(self)

    def listen(self, listener: Callable[[Line], None]) -> None:
        """The board's side; one listener per line."""
        self._listener = listener


class Ports:
    """The wiring of one board, made before the board."""

    def __init__(self, soc: Soc = ESP32) -> None:
        self.soc = soc
        self.spi_devices: dict[int, tuple[int, SpiDevice]] = {}
        self.floating_nss: dict[int, int] = {}
        self.outputs: dict[int, Callable[[int], object]] = {}
        self.floating: dict[int, int] = {}
        self.inputs: dict[int, Callable[[], int]] = {}
        self.lines: dict[int, Line] = {}
        self.pulses: dict[int, Callable[[int, int], int]] = {}
        self.one_wires: dict[int, OneWireBusLike] = {}
        self.adcs: dict[int, Callable[[], int]] = {}
        self.uarts: dict[int, tuple[SerialDevice, int | None, int | None]] = {}
        self.i2cs: dict[tuple[int, int], tuple[I2cDevice, int | None, int | None]] = {}
        self.power_listeners: list[Callable[[bool], object]] = []

    def spi(self, bus_id: int, nss_pin: int, device: SpiDevice, floating: int = 1) -> None:
        """A device on SPI bus `bus_id`, selected by a low level on `nss_pin`.

        floating: the level that it sees when nothing drives the pin, 0 for the worst that can happen to a
        board without a pull-up there.
        """
        self.spi_devices[nss_pin] = (bus_id, device)
        self.floating_nss[nss_pin] = floating

    def uart(self, uart_id: int, device: SerialDevice, rx: int | None = None, tx: int | None = None) -> None:
        """A device on UART 1 or 2. With pins given (the board's), only a UART on those pins meets it."""
        self.uarts[uart_id] = (device, rx, tx)

    def i2c(
        self, bus_id: int, address: int, device: I2cDevice, scl: int | None = None, sda: int | None = None
    ) -> None:
        """A device with a 7-bit address and pull-ups. With pins given, only a bus on those pins meets it."""
        self.i2cs[bus_id, address] = (device, scl, sda)

    def output(self, pin: int, fn: Callable[[int], object], floating: int | None = None) -> None:
        """fn(level) whenever the board drives the pin to a new level.

        floating: the level that the wire takes when nothing drives it (at reset, in deep sleep without hold,
        without power), for instance 0 for a power gate with a pull-down; None: it keeps its last level.
        """
        self.outputs[pin] = fn
        if floating is not None:
            self.floating[pin] = floating

    def input(self, pin: int, fn: Callable[[], int]) -> None:
        """fn() -> level, asked when the board reads the pin. Has no edges; use `line` for interrupts."""
        self.inputs[pin] = fn

    def line(self, pin: int) -> Line:
        """The wire at this pin, the same one at every call."""
        return self.lines.setdefault(pin, Line(pin))

    def pulse(self, pin: int, fn: Callable[[int, int], int]) -> None:
        """fn(level, timeout_us) -> length of the pulse (us), -2 (never began) or -1 (did not end in time)."""
        self.pulses[pin] = fn

    def one_wire(self, pin: int, bus: OneWireBusLike) -> None:
        self.one_wires[pin] = bus

    def adc(self, pin: int, fn: Callable[[], int]) -> None:
        """fn() -> microvolts at the pin."""
        self.adcs[pin] = fn

    def on_power(self, fn: Callable[[bool], object]) -> None:
        """fn(True) when the board gets power, fn(False) when it loses it: for what shares its supply."""
        self.power_listeners.append(fn)
