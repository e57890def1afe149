"""`lyhord update`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import platformdirs
import typer

from lyhord_tools.cli.options import (
    DEFAULT_BOARD,
    BoardOption,
    PortOption,
    TimeoutOption,
    progress_bar,
    read_bytes,
)
from lyhord_tools.device import boot, flash
from lyhord_tools.device import update as updating
from lyhord_tools.errors import ToolError
from lyhord_tools.image.build import build_image
from lyhord_tools.image.filesystem import identity
from lyhord_tools.image.tree import find_tree

commands = typer.Typer()


@commands.command()
def update(
    port: PortOption,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="Image from `lyhord build` [built from the sources]."),
    ] = None,
    board: BoardOption = DEFAULT_BOARD,
    folder: Annotated[
        Path | None, typer.Option("--backups", metavar="FOLDER", help="For the copy meanwhile [the user's].")
    ] = None,
    baudrate: Annotated[int, typer.Option("--baud", metavar="RATE", min=1, help="Bit/s.")] = flash.BAUDRATE,
    timeout_s: TimeoutOption = 30.0,
) -> None:
    """Replace a node's application over the cable; samples, settings and identity stay."""
    tree = find_tree()
    if image is not None:
        contents = read_bytes(image)
    else:
        with TemporaryDirectory() as scratch:
            build_image("node", board, Path(scratch) / "image")
            contents = (Path(scratch) / "image").read_bytes()
    wanted = identity(contents, tree.boards(), str(image or "the image"))
    if (wanted.board, wanted.app) != (board, "node"):
        raise ToolError(f"{image} is {wanted.app} for {wanted.board}, expected the node for {board}")
    copies = folder or platformdirs.user_state_path("lyhord")
    try:
        copies.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise ToolError(f"cannot use {copies}: {fault.strerror}") from fault
    with progress_bar(f"{port}: updating") as progress:
        done = updating.update(
            port, contents, tree.layout(board), copies, baudrate=baudrate, progress=progress
        )
    boot.check(port, wanted, timeout_s)
    done.backup.unlink(missing_ok=True)
    if done.resumed:
        typer.echo(f"{port}: an update that had broken off is finished")
    typer.echo(
        f"{port}: {wanted.app} {wanted.version} on {wanted.board} answers; {done.kept} files were kept"
    )
