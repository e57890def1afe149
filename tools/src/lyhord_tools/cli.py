"""`lyhord`: thin commands over the library.

A user's or a device's fault is one line and exit 2, a bug a traceback.
"""

import sys
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from lyhord_tools import decode as decoding
from lyhord_tools import flash as flashing
from lyhord_tools import provision as provisioning
from lyhord_tools import show
from lyhord_tools import verify as verifying
from lyhord_tools.command_line import add_version, run
from lyhord_tools.console import NodeConsole
from lyhord_tools.errors import ToolError
from lyhord_tools.gateway import Gateway
from lyhord_tools.image import ImageReport, build_image
from lyhord_tools.keys import KeyCipher, new_key, read_key, read_key_for, read_secret
from lyhord_tools.registry import open_registry
from lyhord_tools.terminal import run_terminal
from lyhord_tools.tree import find_tree
from lyhord_wire.frame import NODE_MAX
from lyhord_wire.outside import printable

DEFAULT_BOARD = "devkit_rfm95"


class App(StrEnum):
    """The firmware that goes onto a board."""

    node = "node"
    bridge = "bridge"


app = typer.Typer(
    name="lyhord",
    help="Build, flash, provision and talk to Lyhörd nodes; decode their frames.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    # A pretty traceback would print local variables, keys among them.
    pretty_exceptions_enable=False,
    context_settings={"max_content_width": show.WIDTH},
)
add_version(app, "lyhord", "lyhord-tools")

AppOption = Annotated[App, typer.Option("--app", help="Firmware to build: node or bridge.")]
BoardOption = Annotated[str, typer.Option("--board", metavar="NAME", help="Board that it runs on.")]
PortOption = Annotated[
    str,
    typer.Option(
        "--port", "-p", metavar="PORT", help="Serial device or URL (/dev/ttyUSB0, socket://host:port)."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]
TimeoutOption = Annotated[float, typer.Option("--timeout", metavar="S", help="Seconds to wait for the node.")]


@app.command()
def build(
    app: AppOption = App.node,
    board: BoardOption = DEFAULT_BOARD,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Image file [build/APP-BOARD.img].")
    ] = None,
    size: Annotated[bool, typer.Option("--size", help="Only show bytes per module; keep no image.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Build the LittleFS image of a board from the firmware sources."""
    if size:
        with TemporaryDirectory() as scratch:
            report = build_image(app.value, board, Path(scratch) / "image")
    else:
        out = out or Path("build") / f"{app.value}-{board}.img"
        report = build_image(app.value, board, out)
    _print_sizes(report, as_json)
    if not size and not as_json:
        typer.echo(f"{out}: {report.app} {report.version} for {report.board}")


@app.command()
def flash(
    port: PortOption,
    micropython: Annotated[
        Path, typer.Option("--micropython", metavar="FILE", help="MicroPython's .bin for this chip.")
    ],
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="Image from `lyhord build` [built from the sources]."),
    ] = None,
    app: AppOption = App.node,
    board: BoardOption = DEFAULT_BOARD,
    chip: Annotated[str, typer.Option("--chip", metavar="NAME", help="esp32, esp32s3, or auto.")] = "auto",
    baudrate: Annotated[
        int, typer.Option("--baud", metavar="RATE", min=1, help="Bit/s while flashing.")
    ] = flashing.BAUDRATE,
) -> None:
    """Write MicroPython and an image to a board, and verify both."""
    plan = find_tree().layout(board)
    firmware = _read_bytes(micropython)
    if image is not None:
        contents = _read_bytes(image)
    else:
        with TemporaryDirectory() as scratch:
            built = Path(scratch) / "image"
            build_image(app.value, board, built)
            contents = built.read_bytes()
    progress = _show_progress if sys.stderr.isatty() else None
    report = flashing.flash(port, firmware, contents, plan, chip=chip, baudrate=baudrate, progress=progress)
    for part in report.parts:
        typer.echo(f"{part.name}: {len(part.data)} bytes at {part.offset:#x}, verified")
    typer.echo(f"{port}: {report.chip} with {report.flash_size // 1024 // 1024} MB of flash is ready")
    if flashing.version_of(firmware) is None:
        typer.echo(f"{micropython} names no version of MicroPython; 1.28 or newer is needed")


@app.command()
def provision(
    port: PortOption,
    node_id: Annotated[
        str, typer.Option("--id", metavar="HEX", help="Node id, 1 to ffffff, or auto.")
    ] = "auto",
    key_file: Annotated[
        Path | None,
        typer.Option(
            "--key-file",
            metavar="FILE",
            help="32 hex digits, or with --id a file of the gateway's keys [a new random key].",
        ),
    ] = None,
    generation: Annotated[
        int, typer.Option("--generation", min=0, max=255, help="Generation of the key.")
    ] = 0,
    name: Annotated[str, typer.Option("--name", help="Name of the node, up to 24 bytes.")] = "",
    profile: Annotated[str, typer.Option("--profile", help="bin or building.")] = "bin",
    registry: Annotated[
        Path, typer.Option("--registry", metavar="FILE", help="Registry to write (JSON lines, mode 0600).")
    ] = Path("nodes.jsonl"),
    gateway: Annotated[
        Path | None,
        typer.Option(
            "--gateway",
            metavar="CONFIG",
            help="Ask the gateway with this config which ids are taken, and enter the node there.",
        ),
    ] = None,
    new_device: Annotated[
        bool, typer.Option("--new-device", help="The id was another device's, which is out of service.")
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of the node; @FILE reads its value; repeatable."
        ),
    ] = None,
    stay: Annotated[
        bool, typer.Option("--stay", help="Leave the node in its console [it starts its work].")
    ] = False,
    timeout_s: TimeoutOption = 60.0,
) -> None:
    """Give a node its id and key, and write them to the registry."""
    number = _node_id(node_id)
    if key_file is None:
        key = new_key()
    else:
        key = read_key(key_file) if number is None else read_key_for(key_file, number, generation)
    identity = provisioning.Identity(number, key, generation, name, profile, new_device)
    wanted = _settings(settings or [])
    provisioning.check(identity, wanted)
    with NodeConsole(port) as console:
        console.enter(timeout_s, ask=_ask_for_reset)
        asked = None if gateway is None else Gateway(gateway)
        entry = provisioning.provision(console, identity, registry, wanted, asked)
        if not stay:
            console.command("exit")
    typer.echo(f"node {entry.id:06x} is provisioned, registered in {registry}")
    if gateway is not None:
        typer.echo(f"node {entry.id:06x} is known to the gateway of {gateway}")


@app.command("forget-keys")
def forget_keys(
    registry: Annotated[
        Path, typer.Option("--registry", metavar="FILE", help="Registry that `provision` has written.")
    ] = Path("nodes.jsonl"),
) -> None:
    """Take the keys out of a registry file that the gateway has; its ids stay taken."""
    if not registry.exists():
        raise ToolError(f"cannot open {registry}: No such file or directory")
    with open_registry(registry) as book:
        count = book.forget_keys()
    typer.echo(f"{registry}: {count} keys are gone, its ids stay taken")


@app.command()
def console(
    port: PortOption,
    commands: Annotated[
        list[str] | None,
        typer.Option("--command", "-c", metavar="LINE", help="Send this and quit; repeatable."),
    ] = None,
    timeout_s: TimeoutOption = 60.0,
) -> None:
    """Talk to a node: a terminal, or single commands for scripts."""
    if not commands:
        run_terminal(port, timeout_s)
        return
    with NodeConsole(port) as node:
        node.enter(timeout_s, ask=_ask_for_reset)
        for line in commands:
            for answer in node.command(line, timeout_s):
                typer.echo(printable(answer))


@app.command()
def verify(
    port: Annotated[
        str | None, typer.Option("--port", "-p", metavar="PORT", help="Node that checks its own flash.")
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", metavar="FILE", help="Image, or a copy of a board's file system."),
    ] = None,
    timeout_s: TimeoutOption = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Check that the code of a node or of an image is what was built."""
    if (port is None) == (image is None):
        raise ToolError("expected one of --port and --image")
    if image is not None:
        verdict = verifying.verify_image(_read_bytes(image), str(image))
    else:
        with NodeConsole(str(port)) as node:
            node.enter(timeout_s, ask=_ask_for_reset)
            verdict = verifying.verify_node(node)
    typer.echo(show.verdict_json(verdict) if as_json else "\n".join(show.verdict(verdict)))
    if verdict.damaged:
        raise ToolError(f"{len(verdict.damaged)} files are not as they were built; flash it again")


@app.command()
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


def main(argv: list[str] | None = None) -> None:
    """Entry point. Ends by SystemExit: 0, or 2 with one line on standard error."""
    run(app, "lyhord", argv)


def _print_sizes(report: ImageReport, as_json: bool) -> None:
    typer.echo(show.sizes_json(report) if as_json else "\n".join(show.sizes(report)))


def _show_progress(done: int, total: int) -> None:
    typer.echo(f"\r{done * 100 // max(total, 1):3d} % of {total} bytes", nl=done >= total, err=True)


def _ask_for_reset() -> None:
    typer.echo("no answer yet: press the board's reset button", err=True)


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as fault:
        raise ToolError(f"cannot read {path}: {fault.strerror}") from fault


def _node_id(text: str) -> int | None:
    if text == "auto":
        return None
    try:
        node = int(text, 16)
    except ValueError:
        node = 0
    if not 1 <= node <= NODE_MAX:
        raise ToolError(f"--id: {text!r} is not 1 to ffffff in hex, or auto")
    return node


def _settings(pairs: list[str]) -> dict[str, str]:
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or any(char.isspace() for char in name):
            raise ToolError(f"--set wants NAME=VALUE, not {name!r}")
        if name in ("name", "profile"):
            raise ToolError(f"--set {name}: use --{name}, so that the registry has it too")
        if name in settings:
            raise ToolError(f"--set {name}: expected it once")
        settings[name] = read_secret(Path(value[1:])) if value.startswith("@") else value
    return settings
