"""`lyhord console`."""

from typing import Annotated

import typer

from lyhord_tools.cli.options import PortOption, TimeoutOption, ask_for_reset
from lyhord_tools.device.console import NodeConsole
from lyhord_tools.device.terminal import run_terminal
from lyhord_wire.outside import printable

commands = typer.Typer()


@commands.command()
def console(
    port: PortOption,
    commands: Annotated[
        list[str] | None,
        typer.Option("--command", "-c", metavar="LINE", help="Send this and quit; repeatable."),
    ] = None,
    timeout_s: TimeoutOption = 60.0,
) -> None:
    """Talk to a node: a terminal, or single commands for scripts."""
    if not commands:
        run_terminal(port, timeout_s)
        return
    with NodeConsole(port) as node:
        node.enter(timeout_s, ask=ask_for_reset)
        for line in commands:
            for answer in node.command(line, timeout_s):
                typer.echo(printable(answer))
