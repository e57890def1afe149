"""`lyhord flash`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from lyhord_tools.cli.options import DEFAULT_BOARD, App, AppOption, BoardOption, PortOption, read_bytes
from lyhord_tools.device import flash as flashing
from lyhord_tools.image.build import build_image
from lyhord_tools.image.tree import find_tree

commands = typer.Typer()


@commands.command()
def flash(
    port: PortOption,
    micropython: Annotated[
        Path, typer.Option("--micropython", metavar="FILE", help="MicroPython's .bin for this chip.")
    ],
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
) -> None:
    """Write MicroPython and an image to a board, and verify both."""
    plan = find_tree().layout(board)
    firmware = read_bytes(micropython)
    if image is not None:
        contents = read_bytes(image)
    else:
        with TemporaryDirectory() as scratch:
            built = Path(scratch) / "image"
            build_image(app.value, board, built)
            contents = built.read_bytes()
    progress = _show_progress if sys.stderr.isatty() else None
    report = flashing.flash(port, firmware, contents, plan, chip=chip, baudrate=baudrate, progress=progress)
    for part in report.parts:
        typer.echo(f"{part.name}: {len(part.data)} bytes at {part.offset:#x}, verified")
    typer.echo(f"{port}: {report.chip} with {report.flash_size // 1024 // 1024} MB of flash is ready")
    if flashing.version_of(firmware) is None:
        typer.echo(f"{micropython} names no version of MicroPython; 1.28 or newer is needed")


def _show_progress(done: int, total: int) -> None:
    typer.echo(f"\r{done * 100 // max(total, 1):3d} % of {total} bytes", nl=done >= total, err=True)
