"""`lyhord-gateway`: thin commands over the library.

A user's fault is one line and exit code 2; a traceback is a bug of ours.
"""

import asyncio
import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Annotated

import typer

from lyhord_gateway import __version__
from lyhord_gateway.cli import show
from lyhord_gateway.cli.backup import backup, restore
from lyhord_gateway.cli.common import ConfigOption, JsonOption, reading, tell
from lyhord_gateway.cli.nodes import nodes_app
from lyhord_gateway.cli.quarantine import quarantine
from lyhord_gateway.cli.queue import queue_app, send
from lyhord_gateway.cli.readings import readings
from lyhord_gateway.cli.service_user import as_user, check_folder, owner_of
from lyhord_gateway.config.template import template
from lyhord_gateway.config.tree import load
from lyhord_gateway.support.errors import UserError
from lyhord_wire.outside import forgive, typed

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
app.add_typer(nodes_app, name="nodes")
app.command()(send)
app.add_typer(queue_app, name="queue")
app.command()(readings)
app.command()(quarantine)
app.command()(backup)
app.command()(restore)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; faults of the user and of devices end here."""
    forgive(sys.stdout)
    forgive(sys.stderr)
    try:
        words = sys.argv[1:] if arguments is None else arguments
        sys.exit(app([*map(typed, words)], prog_name="lyhord-gateway", standalone_mode=False))
    except typer.TyperException as wrong:
        usage = wrong.format_message()
        if usage.startswith("Usage:"):  # no command at all: that is the help
            typer.echo(usage, err=True)
            sys.exit(2)
        _end(UserError(usage))
    except UserError as fault:
        _end(fault)
    except OSError as error:
        sys.stdout = StringIO()  # what is left for a full disk would be tried again at the end
        _end(UserError(f"{error.filename or 'standard output'}: {error.strerror}"))


def _end(fault: UserError) -> None:
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
    """Run the gateway until SIGTERM or Ctrl-C. SIGHUP: read the configuration again, as far as that goes."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it ends nothing, also before somebody listens to it
    load(config)
    # glibc gives each thread a heap of its own, and each keeps what it had at its peak: one for the event
    # loop and one for all others are 2 MB less, and no slower. One alone is slower by an eighth.
    os.environ.setdefault("MALLOC_ARENA_MAX", "2")
    # Another program in the same process: `serve` says why.
    os.execv(sys.executable, [sys.executable, "-m", "lyhord_gateway.serve", str(config)])


@app.command()
def check(
    config: ConfigOption,
    connect: Annotated[
        bool,
        typer.Option(
            "--connect", help="Also send each platform a message without readings, and read it back."
        ),
    ] = False,
    user: Annotated[
        str | None,
        typer.Option(
            "--user", metavar="NAME", help="As this user [for root: as the owner of the store's folder]."
        ),
    ] = None,
) -> None:
    """Check a configuration and the files that it names, as the user that the gateway runs as."""
    name = user or owner_of(load(config).data_dir)
    with as_user(name):
        loaded = load(config)
        check_folder(loaded.data_dir)
        if connect:
            # What speaks MQTT takes a tenth of a second to load, and no other command needs it.
            from lyhord_gateway.cli.connections import check_connections

            with ThreadPoolExecutor(1) as pool:  # whoever calls this may have a loop already
                pool.submit(asyncio.run, check_connections(loaded, typer.echo)).result()
    typer.echo(f"{config}: ok{f' for user {name}' if name else ''}")


@app.command("config-template")
def config_template() -> None:
    """Print a commented configuration with every key, its meaning and its default."""
    typer.echo(template(), nl=False)


@app.command()
def backlog(config: ConfigOption, as_json: JsonOption = False) -> None:
    """Show how many readings wait for each platform, how old the oldest is, how many were dropped."""
    loaded = load(config)
    now_s = int(time.time())
    rows: list[show.Row] = []
    with reading(loaded) as reader:
        for platform, endpoint in loaded.platforms:
            waiting, oldest_s = reader.waiting(platform.name)
            rows.append(
                {
                    "platform": platform.name,
                    "url": str(endpoint.url),
                    "waiting": waiting,
                    "oldest_age_s": None if oldest_s is None else max(0, now_s - oldest_s),
                    "cursor": reader.cursor(platform.name),
                    "dropped": reader.dropped(platform.name),
                    "skipped": reader.skipped(platform.name),
                }
            )
    tell(rows, as_json, lambda: show.backlog(rows))
