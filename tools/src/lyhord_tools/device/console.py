"""A node's serial console, as a library: enter it, send a line, get the answer.

The node listens for Enter for a few seconds after a start with power or reset (never after deep sleep). Every
answer ends with a line `ok` or `error: …`. Ports open by URL, so `/dev/ttyUSB0`, a pty and
`socket://host:port` all work.
"""

import errno
import secrets
import time
from collections import deque
from collections.abc import Callable, Sequence

from lyhord_tools.device.port import BAUDRATE, open_port, reason, reopen
from lyhord_tools.errors import ToolError

PROMPT = "> "
_LINE_MAX = 2048
_LINES_MAX = 5000
_HEARD_LINES = 20
_READ_S = 0.05
_WRITE_S = 5.0
_KNOCK_S = 0.25
_RESET_AFTER_S = 1.0
_ASK_AFTER_S = 4.0
_HANDSHAKE_S = 2.0
_RESET_PULSE_S = 0.1


class CommandFailed(ToolError):
    """The node answered `error: …`; `reason` is what follows, `lines` what it said before.

    The line sent is not quoted: it may hold a key.
    """

    def __init__(self, reason: str, lines: Sequence[str] = ()) -> None:
        super().__init__(f"the node says: {reason}")
        self.reason = reason
        self.lines = tuple(lines)


class NoAnswer(ToolError):
    """Nothing, or no end of the answer, came before the deadline."""


class PortGone(ToolError):
    """The port went away: unplugged, or the board was reset and its USB with it."""


class NodeConsole:
    """One serial connection to a node. Use as a context manager."""

    def __init__(self, url: str, baudrate: int = BAUDRATE) -> None:
        """Open the port. Raises ToolError when it is missing, busy or not a port."""
        self.url = url
        self._buffer = bytearray()
        self.heard: deque[str] = deque(maxlen=_HEARD_LINES)  # the last lines that came
        self._baudrate = baudrate
        self._port = open_port(url, _READ_S, _WRITE_S, baudrate)

    def __enter__(self) -> "NodeConsole":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        self._port.close()

    def reset(self) -> bool:
        """Pull the board's EN pin through RTS, as USB bridges on ESP32 boards wire it.

        False if the port has no such line.
        """
        try:
            self._port.dtr = False
            self._port.rts = True
            time.sleep(_RESET_PULSE_S)  # EN has a capacitor that wants some milliseconds
            self._port.rts = False
        except OSError as fault:
            if fault.errno in (errno.ENOTTY, errno.EINVAL):
                return False
            raise self._gone(fault) from fault
        return True

    def enter(self, timeout_s: float = 30.0, ask: Callable[[], None] | None = None) -> None:
        """Knock with Enter until the console answers.

        A node that stays silent is reset through RTS where the port has it; `ask` is called once when nothing
        has answered for some seconds (say "press reset"). A port that goes away meanwhile is waited for.

        Raises NoAnswer at the deadline, PortGone when the port is not back by then.
        """
        start_mono_s = time.monotonic()
        reset = False
        while (spent := time.monotonic() - start_mono_s) < timeout_s:
            try:
                self._write(b"\n")
                if self._heard_within(_KNOCK_S) and self._handshake():
                    return
                if not reset and spent > _RESET_AFTER_S:
                    reset = True
                    self.reset()
            except PortGone as gone:
                self._wait_for_port(start_mono_s + timeout_s, gone)
            if ask is not None and spent > _ASK_AFTER_S:
                ask()
                ask = None
        raise NoAnswer(f"no node answers on {self.url} within {timeout_s:g} s")

    def command(self, line: str, timeout_s: float = 10.0) -> list[str]:
        """Send one line and return the lines of its answer, without the closing `ok`.

        Raises CommandFailed on `error: …`, NoAnswer at the deadline, PortGone when the port goes away.
        """
        self._write(line.encode() + b"\n")
        echo = "".join(char for char in line if char.isascii() and char.isprintable())
        deadline = time.monotonic() + timeout_s
        answer: list[str] = []
        while len(answer) < _LINES_MAX:
            raw = self._line(deadline)
            heard = _without_prompt(raw)
            if heard == "ok":
                return answer
            if heard.startswith("error:"):
                raise CommandFailed(heard.removeprefix("error:").strip(), answer)
            # The node echoes after its prompt what may be shown of a line: no key, and where its firmware is
            # older nothing outside ASCII.
            echoed = heard in (echo, line) or (
                raw != heard and (echo.startswith(heard) or line.startswith(heard))
            )
            if heard and not echoed:
                answer.append(heard)
        raise ToolError(f"{self.url}: an answer of more than {_LINES_MAX} lines")

    def _wait_for_port(self, deadline: float, gone: PortGone) -> None:
        self._port.close()
        self._buffer.clear()
        try:
            back = reopen(self.url, deadline, lambda: False, _READ_S, _WRITE_S, self._baudrate)
        except ToolError as fault:
            raise PortGone(str(gone)) from fault
        assert back is not None
        self._port = back

    def _handshake(self) -> bool:
        """True once an answer is certain to be the one to what was sent last.

        Each Enter of the knocking is answered too, some of them late. A command that no node has, with a
        number in its name, is answered by an error that quotes it: everything before that is old.
        """
        token = f"sync{secrets.token_hex(3)}"
        self._write(token.encode() + b"\n")
        deadline = time.monotonic() + _HANDSHAKE_S
        while True:
            try:
                heard = _without_prompt(self._line(deadline))
            except NoAnswer:
                return False
            if heard.startswith("error:") and token in heard:
                return True

    def _heard_within(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not self._buffer and time.monotonic() < deadline:
            self._read()
        return bool(self._buffer)

    def _line(self, deadline: float) -> str:
        while (end := self._buffer.find(b"\n")) < 0:
            if time.monotonic() > deadline:
                raise NoAnswer(f"the node on {self.url} does not finish its answer")
            if len(self._buffer) > _LINE_MAX:
                raise ToolError(f"{self.url}: a line of more than {_LINE_MAX} bytes; is this a node?")
            self._read()
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        text = line.decode("utf-8", errors="replace").strip("\r")
        if text.strip():
            self.heard.append(text)
        return text

    def _read(self) -> None:
        try:
            self._buffer += self._port.read(max(1, self._port.in_waiting))
        except OSError as fault:
            raise self._gone(fault) from fault

    def _write(self, data: bytes) -> None:
        try:
            self._port.write(data)
        except OSError as fault:
            raise self._gone(fault) from fault

    def _gone(self, fault: OSError) -> PortGone:
        return PortGone(f"{self.url} went away: {reason(fault)}")


def fields(lines: list[str]) -> dict[str, str]:
    """The `key: value` lines of an answer as a dict."""
    pairs = (line.partition(":") for line in lines)
    return {key.strip(): value.strip() for key, colon, value in pairs if colon}


def _without_prompt(line: str) -> str:
    while line.startswith(PROMPT):
        line = line.removeprefix(PROMPT)
    return line
