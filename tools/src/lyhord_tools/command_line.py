"""The common part of command lines: `--version`, and the end: 0, or one line and 2 for a fault of the
user or of a device."""

import sys
from collections.abc import Callable, Iterable, Sequence
from importlib import metadata
from io import StringIO
from typing import Annotated, NoReturn

import typer

from lyhord_tools.errors import ToolError
from lyhord_wire.outside import forgive, typed


def add_version(
    app: typer.Typer, name: str, package: str, more: Callable[[], Iterable[str]] | None = None
) -> None:
    """Gives a command line the option `--version`: the installed package's, then the lines of `more`."""

    def show(wanted: bool) -> None:
        if wanted:
            typer.echo(f"{name} {metadata.version(package)}")
            for line in more() if more else ():
                typer.echo(line)
            raise typer.Exit

    @app.callback()
    def _options(
        version: Annotated[
            bool, typer.Option("--version", callback=show, is_eager=True, help="Print the version.")
        ] = False,
    ) -> None:
        pass


def run(app: typer.Typer, name: str, argv: Sequence[str] | None = None) -> NoReturn:
    """Runs the command that `argv` names (None: this process's). Ends by SystemExit; a bug's exception
    passes through."""
    forgive(sys.stdout)
    forgive(sys.stderr)
    try:
        words = sys.argv[1:] if argv is None else argv
        sys.exit(app([*map(typed, words)], prog_name=name, standalone_mode=False) or 0)
    except typer.TyperException as wrong:
        usage = wrong.format_message()
        # Without any command the usage is the help.
        typer.echo(usage if usage.startswith("Usage:") else f"{name}: {usage}", err=True)
    except ToolError as fault:
        typer.echo(f"{name}: {fault}", err=True)
    except OSError as fault:
        sys.stdout = StringIO()  # what is left for a full disk would be tried again at the end
        typer.echo(f"{name}: {fault.filename or 'standard output'}: {fault.strerror}", err=True)
    sys.exit(2)
