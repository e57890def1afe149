"""A board's serial input and its select.poll: bytes wait in a bounded buffer as in the UART driver."""

from __future__ import annotations

import struct
from collections.abc import Callable

from .call import Answer, Call
from .process import Op
from .program import Program

POLLIN = 1
POLLOUT = 4
_BUFFER_MAX = 8192
_NONE = -1


class SerialIn:
    """Bytes from outside, and the calls that wait for them.

    Ctrl-C interrupts the program as on the ESP32: while boot.py or main.py runs (MicroPython's
    shared/runtime/pyexec.c sets the character just before, and takes it back), unless it called
    micropython.kbd_intr(-1).
    """

    def __init__(
        self,
        program: Program,
        socket_events: Callable[[int], int],
        socket_expected: Callable[[int], None],
        uart_events: Callable[[int], int],
        write: Callable[[bytes], None],
    ) -> None:
        self._program = program
        self._socket_events = socket_events
        self._socket_expected = socket_expected
        self._uart_events = uart_events
        self._write = write
        self._buffer = bytearray()
        self._interrupt_char = _NONE
        self.dropped = 0
        self.powered = False
        self.handlers: dict[Op, Callable[[Call], Answer | None]] = {
            Op.STDIN_READ: self._read,
            Op.STDOUT_RAW: self._write_raw,
            Op.POLL: self._poll,
            Op.KBD_INTR: self._kbd_intr,
        }

    def reset(self, powered: bool) -> None:
        self._buffer.clear()
        self._interrupt_char = _NONE
        self.powered = powered

    def arrived(self, data: bytes) -> None:
        """Bytes on the wire; a board that is off or asleep does not hear them."""
        if not self.powered:
            self.dropped += len(data)
            return
        if 0 <= self._interrupt_char < 256 and self._interrupt_char in data:
            data = data.replace(bytes((self._interrupt_char,)), b"")  # the driver keeps what is around it
            self._program.interrupt()
        over = len(self._buffer) + len(data) - _BUFFER_MAX
        if over > 0:
            self.dropped += over
            data = data[: len(data) - over]
        self._buffer += data
        self._program.changed()

    def _read(self, call: Call) -> Answer | None:
        def take() -> Answer | None:
            if not self._buffer:
                return None
            data = bytes(self._buffer[: call.request.a])
            del self._buffer[: len(data)]
            return Answer(0, 0, data)

        return self._program.block(call, take, call.request.b, Answer())

    def _write_raw(self, call: Call) -> Answer:
        self._write(call.request.data)
        return Answer(len(call.request.data))

    def _kbd_intr(self, call: Call) -> Answer:
        self._interrupt_char = call.request.a
        return Answer()

    def _poll(self, call: Call) -> Answer | None:
        asked = list(struct.iter_unpack("=hh", call.request.data))

        def ready() -> Answer | None:
            found = bytes(self._events(fd) & (wanted | 0x18) for fd, wanted in asked)
            return Answer(0, 0, found) if any(found) else None

        answer = self._program.block(call, ready, call.request.a, Answer())
        if answer is None:
            for fd, _ in asked:
                if fd >= 0:
                    self._socket_expected(fd)
        return answer

    def _events(self, fd: int) -> int:
        if fd >= 0:
            return self._socket_events(fd)
        if fd < -1:
            return self._uart_events(-1 - fd)
        return (POLLIN if self._buffer else 0) | POLLOUT
