"""The interactive terminal: keys to the node, its letters to the screen, until Ctrl-].

A port that goes away (an ESP32-S3's own USB does at every reset) is waited for. pyserial's miniterm cannot:
its threads end with a traceback, or hang on the keyboard.
"""

import codecs
import sys
import time

import serial

from lyhord_tools.device.port import open_port, reason, reopen
from lyhord_tools.device.posix import END_OF_TERMINAL, single_keys, typed
from lyhord_tools.errors import ToolError
from lyhord_wire.outside import printable

_EXIT = b"\x1d"
_HINT = "press Enter within 3 s of a reset; Ctrl-] leaves"
_LOOK_S = 0.05
_LAYOUT = "\r\n\t\b"


def run_terminal(url: str, wait_s: float = 60.0) -> None:
    """Connect keyboard and screen to the node until Ctrl-]. wait_s: how long a port may be away.

    Raises ToolError when the port does not open, goes away for longer, or when keyboard or screen are not a
    terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ToolError("this is no terminal; use --command")
    port = open_port(url, _LOOK_S, wait_s)
    try:
        _tell(f"{url}: {_HINT}")
        with single_keys() as keyboard:
            while (fault := _converse(port, keyboard)) is not None:
                port.close()
                _tell(f"{url} went away ({reason(fault)}), waiting up to {wait_s:g} s for it")
                back = reopen(url, time.monotonic() + wait_s, lambda: _leaves(keyboard), _LOOK_S, wait_s)
                if back is None:
                    return
                port = back
                _tell(f"{url} is back")
    finally:
        port.close()


def _converse(port: serial.SerialBase, keyboard: int) -> OSError | None:
    """Until Ctrl-] (None), or until the port is gone."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    try:
        while True:
            heard = decoder.decode(port.read(max(1, port.in_waiting)))
            if heard:
                sys.stdout.write("".join(one if one in _LAYOUT else printable(one) for one in heard))
                sys.stdout.flush()
            keys = _typed(keyboard)
            if _EXIT in keys:
                return None
            if keys:
                port.write(keys)
    except OSError as fault:  # pyserial's own is one too
        return fault


def _typed(keyboard: int) -> bytes:
    keys = typed(keyboard)
    return _EXIT if keys == END_OF_TERMINAL else keys or b""


def _leaves(keyboard: int) -> bool:
    return _EXIT in _typed(keyboard)


def _tell(text: str) -> None:
    sys.stderr.write(f"{printable(text)}\n")
    sys.stderr.flush()
