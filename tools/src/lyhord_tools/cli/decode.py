"""`lyhord decode`."""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools import decode as decoding
from lyhord_tools import show
from lyhord_tools.cli.options import JsonOption
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.keys import KeyCipher, read_key_for, read_text
from lyhord_wire.outside import printable

commands = typer.Typer()


@commands.command()
def decode(
    frames: Annotated[
        list[str] | None,
        typer.Argument(metavar="FRAME...", help="Hex or base64; - reads standard input, a frame a line."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help="Frames, one a line; # begins a remark.")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="Key of 32 hex digits, or a registry.")
    ] = None,
    answers: Annotated[
        int | None,
        typer.Option("--answers", metavar="COUNTER", help="Downlink: counter of the uplink it answers."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is in frames: the header, and with the key everything in it."""
    texts = list(_frames(frames or [], file))
    if not texts:
        raise ToolError("expected a frame, or --file")
    key_for = None
    if key_file is not None:
        keys = key_file

        def key_for(node: int, generation: int) -> KeyCipher:
            return read_key_for(keys, node, generation).cipher()

    bad = 0
    for number, text in enumerate(texts, 1):
        try:
            found = decoding.decode(decoding.frame_bytes(text), key_for, answers)
        except ToolError as fault:
            if len(texts) == 1:
                raise
            bad += 1
            told = {"frame": number, "error": str(fault)}
            typer.echo(show.as_json(told) if as_json else printable(f"frame {number}: {fault}"))
            continue
        if as_json:
            typer.echo(show.as_json(found))
            continue
        if len(texts) > 1:
            typer.echo(f"frame {number}:")
        for line in show.decoded(found):
            typer.echo(printable(line))
    if bad:
        sys.stdout.flush()
        raise ToolError(f"{bad} of {len(texts)} frames could not be read")


def _frames(given: Iterable[str], file: Path | None) -> Iterator[str]:
    for frame in given:
        # A log's frame may be wrapped: without - , one argument is one frame.
        yield from _lines(sys.stdin.read()) if frame == "-" else [frame]
    if file is not None:
        yield from _lines(read_text(file))


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if frame := line.partition("#")[0].strip():
            yield frame
