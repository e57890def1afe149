"""The interactive terminal: pyserial's miniterm on a port that opens by URL."""

import sys

from serial.tools.miniterm import Miniterm

from lyhord_tools.errors import ToolError
from lyhord_tools.port import open_port

_EXIT = chr(0x1D)
_HINT = "press Enter within 3 s of a reset; Ctrl-] leaves"


def run_terminal(url: str) -> None:
    """Connect keyboard and screen to the node until Ctrl-].

    Raises ToolError when the port does not open, or when keyboard or screen are not a terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ToolError("this is no terminal; use --command")
    port = open_port(url, timeout_s=1)
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
