"""The keyboard of a POSIX terminal, key by key: the one file that a laptop with Windows cannot load whole.

There everything else works (ports are COM3, files have no modes); the terminal says that it does not.
"""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from lyhord_tools.errors import ToolError

try:
    import termios
except ImportError:  # Windows
    NOT_A_PORT: type[Exception] = OSError
else:
    NOT_A_PORT = termios.error
"""Raised by pyserial, beside OSError, for a file that is no serial port."""

END_OF_TERMINAL = b""


@contextmanager
def single_keys() -> Iterator[int]:
    """The keyboard's file number; keys come one by one, unseen, and Ctrl-C is one of them. Raises ToolError
    where this system cannot."""
    if NOT_A_PORT is OSError:
        raise ToolError("this system's terminal gives no single keys; use --command, or PuTTY at 115200")
    keyboard = sys.stdin.fileno()
    before = termios.tcgetattr(keyboard)
    changed = termios.tcgetattr(keyboard)
    changed[3] &= ~(termios.ICANON | termios.ECHO | termios.ISIG)
    changed[6][termios.VMIN], changed[6][termios.VTIME] = 1, 0
    termios.tcsetattr(keyboard, termios.TCSANOW, changed)
    try:
        yield keyboard
    finally:
        termios.tcsetattr(keyboard, termios.TCSAFLUSH, before)


def typed(keyboard: int) -> bytes | None:
    """The keys since the last time, None for none, END_OF_TERMINAL where the terminal is gone."""
    if not select.select([keyboard], [], [], 0)[0]:
        return None
    return os.read(keyboard, 1024)
