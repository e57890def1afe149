"""A board's UARTs: receive buffers as in the ESP32's driver, and the devices at their pins."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from ..world.clock import World
from .call import Answer, Call, failed
from .ports import Ports, SerialDevice
from .process import Op
from .program import Program

POLLIN = 1
POLLOUT = 4
_EINVAL = 22
_BITS = 10  # start, eight data, stop
_BAUD_TOLERANCE = 3  # percent
_CONFIG = struct.Struct("<qhhhhhh")


@dataclass(slots=True)
class _Uart:
    baud: int
    is_8n1: bool
    rx: int
    tx: int
    size: int
    buffer: bytearray = field(default_factory=bytearray)
    sent_us: int = 0  # when all that was written has left


def _garble(data: bytes) -> bytes:
    """The bytes that a receiver makes of another bit rate or an inverted line."""
    return bytes(value >> 1 & 0x55 | 0x80 for value in data)


class Uarts:
    """UART 1 and 2, and 0 for nobody: that is the console.

    `dropped`: bytes that came while nothing listened or the buffer was full. Bytes that come in light sleep
    are lost as on the chip, whose UART has no clock then.
    """

    def __init__(self, world: World, ports: Ports, program: Program) -> None:
        self._world = world
        self._ports = ports
        self._program = program
        self._open: dict[int, _Uart] = {}
        self.deaf_until_us = 0
        self.dropped = 0
        self.handlers: dict[Op, Callable[[Call], Answer | None]] = {
            Op.UART_INIT: self._init,
            Op.UART_READ: self._read,
            Op.UART_WRITE: self._write,
            Op.UART_ANY: lambda call: Answer(len(self._open[call.request.a].buffer)),
        }

        for uart_id, (device, _, _) in ports.uarts.items():
            device.connect(partial(self._arrived, uart_id))

    def reset(self) -> None:
        self._open.clear()
        self.deaf_until_us = 0

    def events(self, uart_id: int) -> int:
        """For select.poll."""
        uart = self._open.get(uart_id)
        if uart is None:
            return 0
        return (POLLIN if uart.buffer else 0) | POLLOUT

    def _init(self, call: Call) -> Answer:
        uart_id = call.request.a
        if uart_id not in (1, 2):
            return failed(_EINVAL, "UART is used by the console or does not exist")
        if not call.request.data:
            self._open.pop(uart_id, None)
            return Answer()
        baud, bits, parity, stop, rx, tx, size = _CONFIG.unpack(call.request.data)
        self._open[uart_id] = _Uart(baud, (bits, parity, stop) == (8, -1, 1), rx, tx, size)
        return Answer()

    def _is_readable(self, uart: _Uart, device: SerialDevice) -> bool:
        is_near = abs(uart.baud - device.baud) * 100 <= device.baud * _BAUD_TOLERANCE
        return is_near and uart.is_8n1

    def _arrived(self, uart_id: int, data: bytes) -> None:
        uart = self._open.get(uart_id)
        device, rx, _ = self._ports.uarts[uart_id]
        if uart is None or (rx is not None and rx != uart.rx) or self._world.now_us < self.deaf_until_us:
            self.dropped += len(data)
            return
        if not self._is_readable(uart, device):
            data = _garble(data)
        room = uart.size - len(uart.buffer)
        self.dropped += max(len(data) - room, 0)
        uart.buffer += data[:room]
        self._program.changed()

    def _read(self, call: Call) -> Answer | None:
        uart, size = self._open[call.request.a & 0xFF], call.request.a >> 8

        def take() -> Answer:
            data = bytes(uart.buffer[:size])
            del uart.buffer[: len(data)]
            return Answer(0, 0, data)

        def enough() -> Answer | None:
            return take() if len(uart.buffer) >= size else None

        answer = enough()
        if answer is not None or call.request.b == 0:
            return answer if answer is not None else take()
        call.check = enough
        # Fewer bytes in time are given as well.
        call.alarm = self._world.call_later(
            call.request.b, lambda: self._program.finish(call, take()), label="uart timeout"
        )
        return None

    def _write(self, call: Call) -> Answer | None:
        uart = self._open[call.request.a]
        left_us = max(uart.sent_us - self._world.now_us, 0)
        if call.request.b:  # what is left to send: 1 waits for it, 2 asks
            if call.request.b == 1 and left_us:
                self._program.delay(call, left_us, Answer())
                return None
            return Answer(left_us)
        uart.sent_us = self._world.now_us + left_us + len(call.request.data) * _BITS * 1_000_000 // uart.baud
        wired = self._ports.uarts.get(call.request.a)
        if wired is not None and (wired[2] is None or wired[2] == uart.tx):
            device = wired[0]
            data = call.request.data if self._is_readable(uart, device) else _garble(call.request.data)
            self._world.call_at(uart.sent_us, device.receive, data, label="uart out")
        return Answer(len(call.request.data))
