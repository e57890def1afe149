"""The check after flashing: a board is ready when what was flashed answers from it."""

import time

from lyhord_tools.device.console import CommandFailed, NoAnswer, NodeConsole, PortGone, fields
from lyhord_tools.errors import ToolError
from lyhord_tools.image.filesystem import ImageIdentity
from lyhord_wire.outside import printable

_LOOK_S = 0.2
_QUOTED = 60


def entered(url: str, timeout_s: float) -> NodeConsole:
    """The console of the node behind a port that may just come back after a reset. Raises ToolError."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            console = NodeConsole(url)
            break
        except ToolError:
            if time.monotonic() >= deadline:
                raise
            time.sleep(_LOOK_S)
    try:
        console.enter(max(_LOOK_S, deadline - time.monotonic()))
    except BaseException:
        console.close()
        raise
    return console


def check(url: str, flashed: ImageIdentity, timeout_s: float = 30.0) -> dict[str, str]:
    """The node's `version`, as key and value. Raises ToolError where the board does not start, or starts with
    something else than was flashed."""
    try:
        with entered(url, timeout_s) as console:
            told = fields(console.command("version"))
    except (NoAnswer, PortGone, CommandFailed) as fault:
        raise ToolError(
            f"{url}: flashed, but the board does not start ({fault}); press RESET and flash it again, or try "
            "another board"
        ) from fault
    for name, expected in (("board", flashed.board), ("app", flashed.app), ("version", flashed.version)):
        found = told.get(name, expected if name == "app" else "")  # older firmware does not tell its app
        if found != expected:
            raise ToolError(
                f"{url}: {name} {printable(found)[:_QUOTED]} answers, {expected} was flashed; flash it again"
            )
    return told
