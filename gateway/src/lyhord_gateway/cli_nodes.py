"""`lyhord-gateway nodes`: the registry."""

import json
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from lyhord_gateway import show
from lyhord_gateway.cli_common import ConfigOption, JsonOption, MaybeConfigOption, reading, writing
from lyhord_gateway.config import load
from lyhord_gateway.faults import UserFault
from lyhord_gateway.nodes import export_line, import_nodes, listed, parse_lines

nodes_app = typer.Typer(help="List the known nodes, or import and export them.", rich_markup_mode=None)


@nodes_app.callback(invoke_without_command=True)
def nodes(
    context: typer.Context,
    config: MaybeConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the known nodes: when they were heard, what is stored, what is missing. Never their keys."""
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise UserFault("nodes: expected --config FILE")
    with reading(load(config)) as reader:
        rows = [listed(node) for node in reader.nodes()]
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
    else:
        show.nodes(rows, int(time.time()))


@nodes_app.command("import")
def nodes_import(
    config: ConfigOption,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON Lines, or - for standard input.")],
) -> None:
    """Enter nodes with their keys; a running gateway takes them over at once."""
    try:
        if file == "-":
            lines = parse_lines("standard input", sys.stdin.buffer)
        else:
            with Path(file).open("rb") as source:
                lines = parse_lines(file, source)
    except OSError as error:
        raise UserFault(f"{file}: cannot be read ({error.strerror})") from error
    with writing(load(config)) as connection:
        count = import_nodes(connection, lines)
    typer.echo(f"{count} nodes imported")


@nodes_app.command("export")
def nodes_export(config: ConfigOption) -> None:
    """Print the nodes as JSON Lines, without their keys."""
    with reading(load(config)) as reader:
        for node in reader.nodes():
            typer.echo(export_line(node))
