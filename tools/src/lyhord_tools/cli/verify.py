"""`lyhord verify`."""

from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools import show
from lyhord_tools.cli.options import JsonOption, TimeoutOption, ask_for_reset, read_bytes
from lyhord_tools.device import verify as verifying
from lyhord_tools.device.console import NodeConsole
from lyhord_tools.errors import ToolError

commands = typer.Typer()


@commands.command()
def verify(
    port: Annotated[
        str | None, typer.Option("--port", "-p", metavar="PORT", help="Node that checks its own flash.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="Image, or a copy of a board's file system."),
    ] = None,
    timeout_s: TimeoutOption = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Check that the code of a node or of an image is what was built."""
    if (port is None) == (image is None):
        raise ToolError("expected one of --port and --image")
    if image is not None:
        verdict = verifying.verify_image(read_bytes(image), str(image))
    else:
        with NodeConsole(str(port)) as node:
            node.enter(timeout_s, ask=ask_for_reset)
            verdict = verifying.verify_node(node)
    typer.echo(show.verdict_json(verdict) if as_json else "\n".join(show.verdict(verdict)))
    if verdict.damaged:
        raise ToolError(f"{len(verdict.damaged)} files are not as they were built; flash it again")
