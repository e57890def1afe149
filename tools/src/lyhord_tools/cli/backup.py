"""`lyhord backup`, `lyhord restore` and `lyhord swap`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools.cli.options import FleetOption, PortOption, TimeoutOption, ask_for_reset, node_id
from lyhord_tools.cli.progress import progress
from lyhord_tools.cli.provision import settings_of
from lyhord_tools.device.console import NodeConsole
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet import provision as provisioning
from lyhord_tools.fleet import settings_file
from lyhord_tools.fleet.board import read_board
from lyhord_tools.fleet.fleet_file import default_path, read_fleet
from lyhord_tools.fleet.gateway import Gateway
from lyhord_tools.fleet.transfer import in_service

commands = typer.Typer()

SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A password, or what differs; @FILE reads its value."),
]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="A file of `lyhord backup`.")]


@commands.command()
def backup(
    port: PortOption,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, without key and passwords.")],
    timeout_s: TimeoutOption = 60.0,
) -> None:
    """Write a node's settings into a file, for `restore` or `swap`."""
    with NodeConsole(port) as console:
        console.enter(timeout_s, ask=ask_for_reset)
        found = settings_file.from_node(console)
        console.command("exit" if found.node else "version")
    try:
        with file.open("x", encoding="utf-8") as out:
            out.write(found.text())
    except FileExistsError as fault:
        raise ToolError(f"{file}: expected a file that is not there yet") from fault
    except OSError as fault:
        raise ToolError(f"cannot write {file}: {fault.strerror}") from fault
    typer.echo(f"{file}: {len(found.settings)} settings of {_who(found.node)}")
    _name_secrets(found.secrets, {})


@commands.command()
def restore(
    port: PortOption, file: FileArgument, settings: SettingsOption = None, timeout_s: TimeoutOption = 60.0
) -> None:
    """Give a node the settings of a file, all or none; its identity stays."""
    found = settings_file.from_file(file)
    wanted = {**found.settings, **settings_of(settings or [])}
    with NodeConsole(port) as console:
        console.enter(timeout_s, ask=ask_for_reset)
        board = read_board(console)
        try:
            board.would_take(wanted, afresh=False)
            board.take(wanted)
        finally:
            board.leave()
    typer.echo(f"{port}: {len(wanted)} settings of {file} are saved")
    _name_secrets(found.secrets, wanted)


@commands.command()
def swap(
    port: PortOption,
    node: Annotated[str, typer.Argument(metavar="ID", help="The node whose board is broken.")],
    file: Annotated[
        Path | None, typer.Option("--backup", metavar="FILE", help="Its settings, by `lyhord backup`.")
    ] = None,
    settings: SettingsOption = None,
    fleet: FleetOption = None,
    gateway: Annotated[
        Path | None,
        typer.Option("--gateway", metavar="CONFIG", help="Tell the gateway on this machine as well."),
    ] = None,
    timeout_s: TimeoutOption = 60.0,
) -> None:
    """Make another board a node whose own is broken: the same id, a new key, new sample numbers.

    The broken board must not come back: its key is refused from then on.
    """
    path = fleet or default_path()
    number = node_id("ID", node)
    lines = in_service(read_fleet(path)).get(number)
    if not lines:
        raise ToolError(f"{path} has no node {number:06x}; lyhord fleet list names those that it has")
    old = lines[-1]
    found = settings_file.from_file(file) if file is not None else None
    kept = {} if found is None else dict(found.settings)
    name, profile = kept.pop("name", old.name), kept.pop("profile", old.profile or "bin")
    identity = provisioning.Identity(number, name=name, profile=profile, replace=True)
    wanted = {**kept, **settings_of(settings or [])}
    provisioning.check(identity, wanted)
    with NodeConsole(port) as console, progress() as tell:
        tell("waiting for the board")
        console.enter(timeout_s, ask=ask_for_reset)
        mac = read_board(console).mac
        if mac and mac == old.mac:
            raise ToolError(
                f"this is the board of node {number:06x} itself; lyhord restore gives it settings"
            )
        asked = None if gateway is None else Gateway(gateway)
        provisioning.provision(console, identity, path, wanted, asked, provisioning.Then.shelf, tell)
    typer.echo(f"node {number:06x} ({name}) is this board now, on the shelf until it is installed")
    if gateway is None:
        typer.echo(f"tell the gateway: lyhord fleet to-gateway --replace {number:06x}")
    _name_secrets(() if found is None else found.secrets, wanted)


def _who(node: str | None) -> str:
    return f"node {node}" if node else "a board without an identity"


def _name_secrets(secrets: tuple[str, ...], given: Mapping[str, str]) -> None:
    missing = [name for name in secrets if name not in given]
    if missing:
        typer.echo(f"not in the file, to be given by --set NAME=@FILE: {', '.join(missing)}")
