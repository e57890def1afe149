"""Serial ports by device or URL: opened, waited for when they went away, or one line that says why not.

An ESP32 with USB of its own takes its port away at every reset, for about a second.
"""

import time
from collections.abc import Callable

import serial

from lyhord_tools.device.ports import why_not
from lyhord_tools.device.posix import NOT_A_PORT
from lyhord_tools.errors import ToolError

BAUDRATE = 115200
_LOOK_S = 0.1


def open_port(
    url: str, timeout_s: float, write_timeout_s: float | None = None, baudrate: int = BAUDRATE
) -> serial.SerialBase:
    """Raises ToolError when the port is missing, held by another program, or not a port."""
    try:
        port = serial.serial_for_url(url, do_not_open=True)
        port.baudrate, port.timeout, port.write_timeout = baudrate, timeout_s, write_timeout_s
        if isinstance(port, serial.Serial):
            port.exclusive = True  # two programs on one line get half of each answer
        port.open()
        return port
    except (OSError, ValueError, NOT_A_PORT) as fault:
        raise ToolError(f"cannot open {url}: {_remedy(url, fault) or reason(fault)}") from fault


def _remedy(url: str, fault: BaseException) -> str | None:
    found = _innermost(fault)
    return why_not(url, found) if isinstance(found, OSError) else None


def reopen(
    url: str,
    deadline: float,
    give_up: Callable[[], bool] = lambda: False,
    timeout_s: float = 0.05,
    write_timeout_s: float | None = None,
    baudrate: int = BAUDRATE,
) -> serial.SerialBase | None:
    """A port that was there a moment ago, as soon as it is back; None when the caller gives it up.

    deadline: of `time.monotonic`; then ToolError.
    """
    while not give_up():
        try:
            return open_port(url, timeout_s, write_timeout_s, baudrate)
        except ToolError as fault:
            if time.monotonic() >= deadline:
                raise ToolError(f"{url} went away and did not come back: {fault}") from fault
            time.sleep(_LOOK_S)
    return None


def reason(fault: BaseException) -> str:
    """One line for a person: what the system said, without pyserial's words around it."""
    fault = _innermost(fault)
    if isinstance(fault, NOT_A_PORT) and not isinstance(fault, OSError):
        return "not a serial port"
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror
    return str(fault).splitlines()[0]


def _innermost(fault: BaseException) -> BaseException:
    while isinstance(fault.__context__, (OSError, NOT_A_PORT)):
        fault = fault.__context__
    return fault
