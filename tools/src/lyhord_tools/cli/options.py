"""Options that several commands have, and what they do with them."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress

from lyhord_tools.errors import ToolError
from lyhord_tools.image import micropython_cache
from lyhord_tools.image.layout import Layout
from lyhord_tools.papers import label as labels
from lyhord_wire.frame import NODE_MAX

DEFAULT_BOARD = "devkit_rfm95"


class App(StrEnum):
    """The firmware that goes onto a board."""

    node = "node"
    bridge = "bridge"


AppOption = Annotated[App, typer.Option("--app", help="Firmware to build: node or bridge.")]
BoardOption = Annotated[str, typer.Option("--board", metavar="NAME", help="Board that it runs on.")]
PortOption = Annotated[
    str,
    typer.Option(
        "--port", "-p", metavar="PORT", help="Serial device or URL (/dev/ttyUSB0, socket://host:port)."
    ),
]
FleetOption = Annotated[
    Path | None,
    typer.Option(
        "--fleet",
        "--registry",
        metavar="FILE",
        help="Fleet file [LYHORD_FLEET, or nodes.jsonl here, or the user's own].",
    ),
]
GatewayOption = Annotated[
    Path, typer.Option("--gateway", metavar="CONFIG", help="Configuration of the gateway on this machine.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", metavar="S", help="Seconds to wait for the node.")]


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A function that is told (done, all) and shows a bar on a terminal, nothing elsewhere."""
    with Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


def node_id(what: str, text: str) -> int:
    """A node's id as people write it, or as a scanner reads it on the node's label. Raises ToolError; what:
    the option or argument."""
    if labels.is_label(text):
        return labels.parse(text).node
    try:
        node = int(text, 16)
    except ValueError:
        node = 0
    if not 1 <= node <= NODE_MAX:
        raise ToolError(f"{what}: {text!r} is not 1 to ffffff in hex")
    return node


def ask_for_reset() -> None:
    """Tells a person how a node that does not answer is brought to its console."""
    typer.echo("no answer yet: press the board's reset button", err=True)


def micropython_of(file: Path | None, layout: Layout) -> bytes:
    """The file of `--micropython`, else the one that was chosen for the chip. Raises ToolError."""
    return read_bytes(file if file is not None else micropython_cache.chosen(layout).path)


def read_bytes(path: Path) -> bytes:
    """The file's bytes. Raises ToolError when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as fault:
        raise ToolError(f"cannot read {path}: {fault.strerror}") from fault
