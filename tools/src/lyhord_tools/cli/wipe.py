"""`lyhord wipe`."""

from typing import Annotated

import typer

from lyhord_tools.cli.options import PortOption, progress_bar
from lyhord_tools.device import flash as flashing
from lyhord_tools.errors import ToolError

commands = typer.Typer()


@commands.command()
def wipe(
    port: PortOption,
    yes: Annotated[
        bool, typer.Option("--yes", help="Everything goes: identity, key, samples that were not delivered.")
    ] = False,
    chip: Annotated[str, typer.Option("--chip", metavar="NAME", help="esp32, esp32s3, or auto.")] = "auto",
) -> None:
    """Erase a board's whole flash, and read back that nothing is left: no key, no password, no sample."""
    if not yes:
        raise ToolError(f"{port}: expected --yes: identity, key and undelivered samples go, for good")
    with progress_bar(f"{port}: erasing and reading back") as progress:
        size = flashing.erase(port, chip=chip, progress=progress)
    typer.echo(f"{port}: {size // 1024 // 1024} MB of flash are empty, every byte was read back")
    typer.echo("its id stays taken; lyhord-gateway nodes disable or remove takes it out of service")
