"""`lyhord`: thin commands over the library, a module per command or group of commands.

A module beside this one that has `commands`, a `typer.Typer`, is part of `lyhord`: one with a name becomes a
group of that name, one without gives its commands as they are. Nothing else names the module.

A user's or a device's fault is one line and exit 2, a bug a traceback.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

import typer

from lyhord_tools import show
from lyhord_tools.command_line import add_version, run
from lyhord_tools.errors import ToolError
from lyhord_tools.image.tree import find_tree


def _would_flash() -> Iterator[str]:
    """The lines of what `lyhord flash` would put on a board; without sources the one that says so."""
    try:
        yield from show.would_flash(find_tree())
    except ToolError as fault:
        yield f"flashes nothing: {fault}"


def _whole() -> typer.Typer:
    found = typer.Typer(
        name="lyhord",
        help="Build, flash, provision and talk to Lyhörd nodes; decode their frames.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        # A pretty traceback would print local variables, keys among them.
        pretty_exceptions_enable=False,
        context_settings={"max_content_width": show.WIDTH},
    )
    add_version(found, "lyhord", "lyhord-tools", _would_flash)
    for module in iter_modules(__path__):
        commands = vars(import_module(f"{__name__}.{module.name}")).get("commands")
        if isinstance(commands, typer.Typer):
            found.add_typer(commands)
    return found


app = _whole()


def main(argv: list[str] | None = None) -> None:
    """Entry point. Ends by SystemExit: 0, or 2 with one line on standard error."""
    run(app, "lyhord", argv)
