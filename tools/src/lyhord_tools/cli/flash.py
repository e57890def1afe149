"""`lyhord flash`."""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from lyhord_tools.cli.options import (
    DEFAULT_BOARD,
    App,
    AppOption,
    BoardOption,
    PortOption,
    TimeoutOption,
    micropython_of,
    progress_bar,
    read_bytes,
)
from lyhord_tools.cli.update import update
from lyhord_tools.device import boot
from lyhord_tools.device import flash as flashing
from lyhord_tools.errors import ToolError
from lyhord_tools.image.build import build_image
from lyhord_tools.image.filesystem import identity
from lyhord_tools.image.tree import find_tree
from lyhord_wire.outside import printable

commands = typer.Typer()


@commands.command()
def flash(
    port: PortOption,
    micropython: Annotated[
        Path | None,
        typer.Option("--micropython", metavar="FILE", help="MicroPython's .bin [the one chosen]."),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="As `lyhord update`: samples, settings and identity stay.")
    ] = False,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="Image from `lyhord build` [built from the sources]."),
    ] = None,
    app: AppOption = App.node,
    board: BoardOption = DEFAULT_BOARD,
    chip: Annotated[str, typer.Option("--chip", metavar="NAME", help="esp32, esp32s3, or auto.")] = "auto",
    baudrate: Annotated[
        int, typer.Option("--baud", metavar="RATE", min=1, help="Bit/s while flashing.")
    ] = flashing.BAUDRATE,
    boot_check: Annotated[
        bool, typer.Option("--boot-check/--no-boot-check", help="Have what was flashed answer.")
    ] = True,
    timeout_s: TimeoutOption = 30.0,
) -> None:
    """Write MicroPython and an image to a board, verify both, and have the board answer."""
    if keep:
        if micropython is not None or app is not App.node:
            raise ToolError("--keep: expected a node, and MicroPython as it is")
        update(port, image, board, None, baudrate, timeout_s)
        return
    tree = find_tree()
    firmware = micropython_of(micropython, tree.layout(board))
    if image is not None:
        contents = read_bytes(image)
    else:
        with TemporaryDirectory() as scratch:
            built = Path(scratch) / "image"
            build_image(app.value, board, built)
            contents = built.read_bytes()
    layout = tree.layout(board)
    flashing.plan(firmware, contents, layout)
    flashed = identity(contents, tree.boards(), str(image or "the image"))
    if flashed.board != board:
        raise ToolError(f"{image} is for {flashed.board}, not for {board}; expected --board {flashed.board}?")
    with progress_bar(f"{port}: flashing") as progress:
        report = flashing.flash(
            port, firmware, contents, layout, chip=chip, baudrate=baudrate, progress=progress
        )
    for part in report.parts:
        typer.echo(f"{part.name}: {len(part.data)} bytes at {part.offset:#x}, verified")
    size = f"{report.chip} with {report.flash_size // 1024 // 1024} MB of flash"
    if flashed.app == "bridge":
        typer.echo(f"{port}: {size} is ready; a bridge has no console: its gateway says whether it works")
    elif boot_check:
        told = boot.check(port, flashed, timeout_s)
        typer.echo(f"{port}: {size} is ready: {flashed.app} {flashed.version} on {flashed.board} answers")
        if mac := told.get("mac"):
            typer.echo(f"MAC: {printable(mac)}")
    else:
        typer.echo(f"{port}: {size} is written; whether it starts was not looked at")
