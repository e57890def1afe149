"""`lyhord-gateway`: thin commands over the library.

A user's fault is one line and exit code 2; a traceback is a bug of ours.
"""

import asyncio
import contextlib
import json
import logging
import os
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import Annotated

import typer

from lyhord_gateway import __version__, show
from lyhord_gateway.config import Loaded, load
from lyhord_gateway.faults import StoreDamaged, UserFault
from lyhord_gateway.log import start_log
from lyhord_gateway.nodes import export_line, import_nodes, listed, parse_lines
from lyhord_gateway.store.reader import Listed, Reader
from lyhord_gateway.store.recover import damage_in, mark_damaged
from lyhord_gateway.store.schema import connect, open_store
from lyhord_gateway.template import template

_log = logging.getLogger(__name__)

app = typer.Typer(
    name="lyhord-gateway",
    help="Hear Lyhörd's nodes, store what they say, hand it on to the platforms.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    # A pretty traceback would print local variables, keys among them.
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": show.WIDTH},
)
nodes_app = typer.Typer(help="List the known nodes, or import and export them.", rich_markup_mode=None)
app.add_typer(nodes_app, name="nodes")

ConfigOption = Annotated[Path, typer.Option("--config", metavar="FILE", help="The configuration (TOML).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def main() -> None:
    """Run the command line; the user's faults end here."""
    try:
        app()
    except UserFault as fault:
        typer.echo(f"lyhord-gateway: {fault}", err=True)
        sys.exit(2)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"lyhord-gateway {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    pass


@app.command()
def run(config: ConfigOption) -> None:
    """Run the gateway until SIGTERM or Ctrl-C."""
    from lyhord_gateway import app as application  # the short commands start faster without it

    loaded = load(config)
    start_log(loaded.config.log.level, loaded.config.log.format)
    loop = asyncio.new_event_loop()
    try:
        loop.run_until_complete(application.run(loaded))
    except (sqlite3.DatabaseError, StoreDamaged, BaseExceptionGroup) as error:
        damage = damage_in(error)
        if damage is None:
            raise
        with contextlib.suppress(OSError):
            mark_damaged(loaded.store_path, damage)
        _log.error("store: %s is damaged (%s); the next start recovers it", loaded.store_path, damage)
        raise typer.Exit(1) from error
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        # Everything is stored and said. A connect() or a name look-up that hangs in a worker thread must
        # not hold up the stop, and Python would wait for it.
        logging.shutdown()
        os._exit(0)


@app.command()
def check(config: ConfigOption) -> None:
    """Check a configuration and the files that it names."""
    load(config)
    typer.echo(f"{config}: ok")


@app.command("config-template")
def config_template() -> None:
    """Print a commented configuration with every key, its meaning and its default."""
    typer.echo(template(), nl=False)


@nodes_app.callback(invoke_without_command=True)
def nodes(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="The configuration (TOML).")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the known nodes: when they were heard, what is stored, what is missing. Never their keys."""
    if context.invoked_subcommand is not None:
        return
    if config is None:
        raise UserFault("nodes: expected --config FILE")
    rows = [listed(node) for node in _known(load(config))]
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
    loaded = load(config)
    try:
        if file == "-":
            lines = parse_lines("standard input", sys.stdin.buffer)
        else:
            with Path(file).open("rb") as source:
                lines = parse_lines(file, source)
    except OSError as error:
        raise UserFault(f"{file}: cannot be read ({error.strerror})") from error
    connection = open_store(loaded.store_path)
    try:
        count = import_nodes(connection, lines)
    except sqlite3.OperationalError as error:
        raise UserFault(f"{loaded.store_path}: cannot be written ({error})") from error
    finally:
        connection.close()
    typer.echo(f"{count} nodes imported")


@nodes_app.command("export")
def nodes_export(config: ConfigOption) -> None:
    """Print the nodes as JSON Lines, without their keys."""
    for node in _known(load(config)):
        typer.echo(export_line(node))


@app.command()
def backlog(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Show how many readings wait for each platform, how old the oldest is, how many were dropped."""
    loaded = load(config)
    now_s = int(time.time())
    reader = _reader(loaded)
    rows: list[show.Row] = []
    for platform, endpoint in loaded.platforms:
        cursor = reader.cursor(platform.name)
        waiting, oldest_s = reader.waiting(cursor)
        rows.append(
            {
                "platform": platform.name,
                "url": str(endpoint.url),
                "waiting": waiting,
                "oldest_age_s": None if oldest_s is None else max(0, now_s - oldest_s),
                "cursor": cursor,
                "dropped": reader.dropped(platform.name),
            }
        )
    reader.close()
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False))
    else:
        show.backlog(rows)


def _known(loaded: Loaded) -> list[Listed]:
    reader = _reader(loaded)
    try:
        return reader.nodes()
    finally:
        reader.close()


def _reader(loaded: Loaded) -> Reader:
    open_store(loaded.store_path, create=False).close()  # checks and migrates
    return Reader(connect(loaded.store_path))
