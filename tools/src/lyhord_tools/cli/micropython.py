"""`lyhord micropython`."""

from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools import show
from lyhord_tools.cli.options import JsonOption
from lyhord_tools.image import micropython_cache
from lyhord_tools.image.tree import find_tree

commands = typer.Typer()


@commands.command()
def micropython(
    board: Annotated[str, typer.Argument(metavar="BOARD", help="Board that it is for.")],
    file: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="A .bin from micropython.org [the one chosen].")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Choose MicroPython's file for a board, once; `flash` and `batch` take it from then on."""
    layout = find_tree().layout(board)
    found = micropython_cache.chosen(layout) if file is None else micropython_cache.choose(file, layout)
    version = ".".join(map(str, found.version))
    if as_json:
        told = {"chip": layout.chip, "version": version, "sha256": found.sha256, "path": str(found.path)}
        typer.echo(show.as_json(told))
        return
    typer.echo(f"MicroPython {version} for {layout.chip}: {found.path}")
    typer.echo(f"SHA-256 {found.sha256}")
