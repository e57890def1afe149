"""`lyhord monitor`."""

import os
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.text import Text

from lyhord_tools.device.monitor import Monitor
from lyhord_tools.device.port import BAUDRATE
from lyhord_tools.errors import ToolError

commands = typer.Typer()
_COLOURS = ("cyan", "green", "yellow", "magenta", "blue", "red")
_LOOK_S = 0.5


@commands.command()
def monitor(
    ports: Annotated[list[str], typer.Argument(metavar="PORT...", help="One or several boards.")],
    log: Annotated[
        Path | None, typer.Option("--log", metavar="FILE", help="Also into this file, behind what is there.")
    ] = None,
    baudrate: Annotated[int, typer.Option("--baud", metavar="RATE", min=1, help="Bit/s.")] = BAUDRATE,
    seconds: Annotated[
        float, typer.Option("--seconds", metavar="S", min=0, help="End after so long [at Ctrl-C].")
    ] = 0,
) -> None:
    """Show what boards print, with the time, through resets and pulled cables. Nothing is written to them."""
    short = _short(ports)
    colours = {port: _COLOURS[at % len(_COLOURS)] for at, port in enumerate(ports)}
    screen = Console(highlight=False, soft_wrap=True)
    file = _opened(log)

    def heard(now: str, port: str, text: str) -> None:
        name = f"{short[port]}  " if len(ports) > 1 else ""
        screen.print(Text.assemble(f"{now}  ", (name, colours[port]), text))
        if file is not None:
            file.write(f"{now}  {name}{text}\n")
            file.flush()

    listening = Monitor(ports, heard, baudrate)
    listening.start()
    try:
        if seconds:
            listening.wait(seconds)
        else:
            while not listening.wait(_LOOK_S):
                pass
    except KeyboardInterrupt:
        sys.stdout.flush()
    finally:
        listening.stop()
        if file is not None:
            file.close()
    if listening.fault is not None:
        raise listening.fault


def _short(ports: list[str]) -> dict[str, str]:
    """A name for each port of one width: its last part where that tells them apart."""
    names = [port.rstrip("/").rpartition("/")[2] for port in ports]
    names = names if len(set(names)) == len(names) else ports
    width = max(map(len, names))
    return {port: name.ljust(width) for port, name in zip(ports, names, strict=True)}


def _opened(log: Path | None) -> TextIO | None:
    if log is None:
        return None
    try:
        handle = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as fault:
        raise ToolError(f"cannot write {log}: {fault.strerror}") from fault
    return os.fdopen(handle, "a", encoding="utf-8")
