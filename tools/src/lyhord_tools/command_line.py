"""How a command line ends: with 0, or with one line and 2 for a fault of the user or of a device."""

import sys
from collections.abc import Sequence
from io import StringIO
from typing import NoReturn

import typer

from lyhord_tools.errors import ToolError


def run(app: typer.Typer, name: str, argv: Sequence[str] | None = None) -> NoReturn:
    """Runs the command that `argv` names (None: this process's). Ends by SystemExit; a bug's exception
    passes through."""
    try:
        sys.exit(app(argv, prog_name=name, standalone_mode=False) or 0)
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
