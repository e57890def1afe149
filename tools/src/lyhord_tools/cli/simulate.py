"""`lyhord simulate`."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools.errors import ToolError

commands = typer.Typer(
    name="simulate",
    help="Try everything without hardware: boards from the box, or a whole street with its gateway.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
SecondsOption = Annotated[float, typer.Option("--seconds", metavar="S", min=0, help="End then [at Ctrl-C].")]


@commands.command("boards")
def boards(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Their ports and flash; made if missing.")],
    count: Annotated[int, typer.Option("--count", metavar="N", min=1, max=32, help="Boards.")] = 4,
    seconds: SecondsOption = 0,
) -> None:
    """Put boards from the box on serial ports, for `flash`, `batch`, `console` and all others."""
    _rig("boards", str(folder), "--count", str(count), "--seconds", str(seconds))


@commands.command("street")
def street(
    nodes: Annotated[int, typer.Option("--nodes", metavar="N", min=1, max=200, help="Virtual nodes.")] = 6,
    seconds: SecondsOption = 0,
) -> None:
    """Run a street of virtual nodes with a real gateway; ends with one line of truth."""
    _rig("street", "--nodes", str(nodes), "--seconds", str(seconds))


def _rig(*words: str) -> None:
    beside = str(Path(sys.executable).parent)
    program = shutil.which("lyhord-rig", path=beside) or shutil.which("lyhord-rig")
    if program is None:
        raise ToolError("the virtual boards are not installed here: pip install lyhord-rig")
    process = subprocess.Popen([program, *words])
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt:
            continue  # it has heard it as well, and ends in its own time
    if code:
        raise ToolError(f"the rig ended with {code}")
