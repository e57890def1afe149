"""`lyhord ports`."""

from dataclasses import asdict
from typing import Annotated

import typer

from lyhord_tools import show
from lyhord_tools.cli.options import JsonOption
from lyhord_tools.device.ports import described, serial_ports
from lyhord_tools.device.probe import Found, probe
from lyhord_tools.errors import ToolError

commands = typer.Typer()


@commands.command()
def ports(
    urls: Annotated[
        list[str] | None, typer.Argument(metavar="[PORT]...", help="These ports [all USB serial ports].")
    ] = None,
    look: Annotated[
        bool,
        typer.Option(
            "--probe", help="Reset each board and ask its console what runs on it; nothing is changed."
        ),
    ] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="S", help="Seconds to wait for each board.")
    ] = 8.0,
    as_json: JsonOption = False,
) -> None:
    """List serial ports: where they are, who has them open, and with --probe what runs behind each."""
    found = [described(url) for url in urls] if urls else serial_ports()
    answers: list[Found | None] = [None] * len(found)
    if look:
        answers = probe([port.device for port in found], timeout_s)
    if as_json:
        rows = [
            asdict(port) | {"runs": None if answer is None else asdict(answer)}
            for port, answer in zip(found, answers, strict=True)
        ]
        typer.echo(show.as_json(rows))
        return
    if not found:
        raise ToolError("no USB serial port is there; is it a data cable?")
    for port, answer in zip(found, answers, strict=True):
        for line in show.port(port, answer):
            typer.echo(line)
