"""Serial ports of this machine: stable names, who holds one, and why one cannot be opened.

    pyserial's list ─▶ name that outlives replugging ─▶ who has it open ─▶ (asked for: what runs behind it)

Listing opens nothing and writes nothing.
"""

import errno
import getpass
import os
from dataclasses import dataclass
from pathlib import Path

from serial.tools import list_ports

_SERIAL_NAMES = Path("/dev/serial")
_PROCESSES = Path("/proc")
_HELD = (errno.EBUSY, errno.EAGAIN)
_COMMAND_MAX = 40


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a port open."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid})"


@dataclass(frozen=True, slots=True)
class SerialPort:
    """A port. `device`: as this start of the machine calls it; `stable`: the name by its place on the hub, or
    the device where the system gives none; `serial_number`, `adapter`: of the USB adapter; None: not told."""

    device: str
    stable: str
    serial_number: str | None
    adapter: str | None
    holder: Holder | None


def serial_ports() -> list[SerialPort]:
    """The USB serial ports that are there, by name."""
    found = [port for port in list_ports.comports() if port.vid is not None or _is_usb(port.device)]
    return sorted(
        (
            SerialPort(
                port.device,
                stable_name(port.device),
                port.serial_number or None,
                port.product or (port.description if port.description != "n/a" else None),
                holder(port.device),
            )
            for port in found
        ),
        key=lambda port: port.stable,
    )


def described(url: str) -> SerialPort:
    """A port that a person has named; a URL is its own name."""
    for port in serial_ports():
        if os.path.realpath(url) in (os.path.realpath(port.device), os.path.realpath(port.stable)):
            return port
    here = "://" not in url
    return SerialPort(
        url,
        stable_name(url) if here else url,
        None,
        None,
        holder(url) if here and os.path.exists(url) else None,
    )


def _is_usb(device: str) -> bool:
    return device.rpartition("/")[2].startswith(("ttyUSB", "ttyACM", "cu.usb"))


def stable_name(device: str) -> str:
    """The name of the device below /dev/serial/by-path, which is its place on the hub; else by its adapter's
    serial number; else the device."""
    real = os.path.realpath(device)
    for kind in ("by-path", "by-id"):
        for link in sorted((_SERIAL_NAMES / kind).glob("*")):
            if os.path.realpath(link) == real:
                return str(link)
    return device


def holder(device: str) -> Holder | None:
    """Another process that has the device open; None where there is none, or the system does not say."""
    real = os.path.realpath(device)
    for entry in sorted(_PROCESSES.glob("[0-9]*")):
        if int(entry.name) == os.getpid():
            continue
        try:
            if any(os.path.realpath(handle) == real for handle in (entry / "fd").iterdir()):
                return Holder(int(entry.name), _command(entry))
        except OSError:
            continue  # it has ended, or is somebody else's
    return None


def _command(process: Path) -> str:
    words = (process / "cmdline").read_bytes().split(b"\0")
    names = [Path(word.decode(errors="replace")).name for word in words if word]
    if len(names) > 1 and names[0].startswith("python"):
        names = names[1:]
    if len(names) > 1 and names[0] == "-m":  # a package is known by the name of its program
        names = [names[1].partition(".")[0].replace("_", "-")]
    return " ".join(names[:2])[:_COMMAND_MAX] or "a program"


def why_not(url: str, fault: OSError) -> str | None:
    """The obstacle to opening the port, and the remedy; None where the system's word says it all."""
    if "://" in url:
        return None
    if fault.errno in _HELD:
        who = holder(url)
        return f"another program has it{f': {who}' if who else ''}; stop that first"
    if fault.errno in (errno.EACCES, errno.EPERM):
        if (group := _group(url)) is None:
            return "no permission"
        remedy = f"sudo usermod -aG {group} {_user()}, then log in again"
        return f"no permission; it belongs to the group {group}: {remedy}"
    if fault.errno == errno.ENOENT:
        there = [port.device for port in serial_ports()]
        names = f"there are: {', '.join(there)}" if there else "none is there; is it a data cable?"
        return f"no such port; {names}"
    return None


def _group(url: str) -> str | None:
    try:
        return Path(url).group()
    except (OSError, KeyError, NotImplementedError):  # none of this system, or a number without a name
        return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "$USER"
