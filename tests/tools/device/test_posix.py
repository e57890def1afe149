"""A laptop without POSIX: everything loads, and the terminal says that it cannot."""

import subprocess
import sys

from lyhord_rig.tied import tied


def test_every_command_loads_and_the_terminal_says_that_it_cannot() -> None:
    program = """
import sys
import serial, serial.tools.list_ports, rich.console, filelock, esptool.cmds, pypdfium2
for name in [name for name in sys.modules if name.startswith("lyhord_tools")]:
    del sys.modules[name]
for name in ("termios", "fcntl", "pwd", "grp", "pty", "tty", "resource"):
    sys.modules[name] = None  # an import of it fails, as on Windows
import lyhord_tools.cli
from lyhord_tools.device import posix
from lyhord_tools.errors import ToolError
try:
    with posix.single_keys():
        pass
except ToolError as fault:
    print(fault)
"""
    done = subprocess.run(
        tied(sys.executable, "-c", program), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "this system's terminal gives no single keys; use --command" in done.stdout
