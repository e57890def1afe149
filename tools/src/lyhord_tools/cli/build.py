"""`lyhord build`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from lyhord_tools import show
from lyhord_tools.cli.options import DEFAULT_BOARD, App, AppOption, BoardOption, JsonOption
from lyhord_tools.image.build import build_image
from lyhord_tools.image.tree import find_tree

commands = typer.Typer()


@commands.command()
def build(
    app: AppOption = App.node,
    board: BoardOption = DEFAULT_BOARD,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Image file [build/APP-BOARD.img].")
    ] = None,
    size: Annotated[bool, typer.Option("--size", help="Only show bytes per module; keep no image.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the LittleFS image of a board from the firmware sources."""
    if size:
        with TemporaryDirectory() as scratch:
            report = build_image(app.value, board, Path(scratch) / "image")
    else:
        out = out or Path("build") / f"{app.value}-{board}.img"
        report = build_image(app.value, board, out)
        # Not above: its library takes every command a quarter of a second.
        from lyhord_tools.image.manifest import write_beside

        write_beside(report, find_tree())
    typer.echo(show.sizes_json(report) if as_json else "\n".join(show.sizes(report)))
    if not size and not as_json:
        told = f"{report.app} {report.version} for {report.board}"
        typer.echo(f"{out}: {told}; beside it manifest and bill of materials")
