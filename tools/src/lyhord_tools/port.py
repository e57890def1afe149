"""Serial ports by device or URL: opened, or one line that says why not."""

import termios

import serial

from lyhord_tools.errors import ToolError

BAUDRATE = 115200


def open_port(
    url: str, timeout_s: float, write_timeout_s: float | None = None, baudrate: int = BAUDRATE
) -> serial.SerialBase:
    """Raises ToolError when the port is missing, busy or not a port."""
    try:
        return serial.serial_for_url(url, baudrate=baudrate, timeout=timeout_s, write_timeout=write_timeout_s)
    except (OSError, ValueError) as fault:
        raise ToolError(f"cannot open {url}: {reason(fault)}") from fault


def reason(fault: BaseException) -> str:
    """One line for a person: what the system said, without pyserial's words around it."""
    while isinstance(fault.__context__, (OSError, termios.error)):
        fault = fault.__context__
    if isinstance(fault, termios.error):
        return "not a serial port"
    if isinstance(fault, OSError) and fault.strerror:
        return fault.strerror
    return str(fault).splitlines()[0]
