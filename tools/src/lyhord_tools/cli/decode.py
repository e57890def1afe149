"""`lyhord decode`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools import decode as decoding
from lyhord_tools import show
from lyhord_tools.cli.options import JsonOption
from lyhord_tools.fleet.keys import KeyCipher, read_key_for
from lyhord_wire.outside import printable

commands = typer.Typer()


@commands.command()
def decode(
    frame: Annotated[str, typer.Argument(metavar="FRAME", help="Hex or base64; - reads standard input.")],
    key_file: Annotated[
        Path | None, typer.Option("--key-file", metavar="FILE", help="Key of 32 hex digits, or a registry.")
    ] = None,
    answers: Annotated[
        int | None,
        typer.Option("--answers", metavar="COUNTER", help="Downlink: counter of the uplink it answers."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is in a frame: its header, and with the key everything in it."""
    raw = decoding.frame_bytes(sys.stdin.read() if frame == "-" else frame)
    key_for = None
    if key_file is not None:
        keys = key_file

        def key_for(node: int, generation: int) -> KeyCipher:
            return read_key_for(keys, node, generation).cipher()

    found = decoding.decode(raw, key_for, answers)
    if as_json:
        typer.echo(show.as_json(found))
    else:
        for line in show.decoded(found):
            typer.echo(printable(line))
