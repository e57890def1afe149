"""The interactive terminal: pyserial's miniterm on a port that opens by URL."""

import sys

import serial
from serial.tools.miniterm import Miniterm

from lyhord_tools.console import BAUDRATE
from lyhord_tools.errors import ToolError

_EXIT = chr(0x1D)
_HINT = "press Enter within 3 s of a reset; Ctrl-] leaves"


def run_terminal(url: str) -> None:
    """Connect keyboard and screen to the node until Ctrl-].

    Raises ToolError when the port does not open, or when keyboard or screen are not a terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ToolError("this is no terminal; use --command")
    try:
        port = serial.serial_for_url(url, baudrate=BAUDRATE, timeout=1)
    except (OSError, ValueError) as fault:
        raise ToolError(f"cannot open {url}: {str(fault).splitlines()[0]}") from fault
    sys.stderr.write(f"{url}: {_HINT}\n")
    terminal = Miniterm(port, echo=False, eol="lf", filters=["default"])
    terminal.exit_character = _EXIT
    terminal.set_rx_encoding("utf-8")
    terminal.set_tx_encoding("utf-8")
    terminal.start()
    try:
        terminal.join(True)
    except KeyboardInterrupt:
        terminal.stop()
    finally:
        terminal.join()
        terminal.close()
