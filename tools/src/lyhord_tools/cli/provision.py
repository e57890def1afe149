"""`lyhord provision` and `lyhord forget-keys`."""

from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools.cli.options import FleetOption, PortOption, TimeoutOption, ask_for_reset, node_id
from lyhord_tools.cli.progress import progress
from lyhord_tools.device.console import NodeConsole
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet import provision as provisioning
from lyhord_tools.fleet.fleet_file import default_path, open_fleet, read_fleet
from lyhord_tools.fleet.gateway import Gateway
from lyhord_tools.fleet.keys import read_key, read_key_for, read_secret

commands = typer.Typer()


@commands.command()
def provision(
    port: PortOption,
    given_id: Annotated[
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
    fleet: FleetOption = None,
    gateway: Annotated[
        Path | None,
        typer.Option(
            "--gateway",
            metavar="CONFIG",
            help="Ask the gateway with this config which ids are taken, and enter the node there.",
        ),
    ] = None,
    replace: Annotated[
        bool,
        typer.Option(
            "--replace", help="What is there gives way: the board's identity, another device with this --id."
        ),
    ] = False,
    new_device: Annotated[
        bool, typer.Option("--new-device", help="The same, for a device whose --id goes to this board.")
    ] = False,
    discard_samples: Annotated[
        bool,
        typer.Option("--discard-samples", help="Samples that the old identity has not delivered may go."),
    ] = False,
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A setting of the node; @FILE reads its value; repeatable."
        ),
    ] = None,
    start: Annotated[
        bool, typer.Option("--start", help="Begin its work at once, on a bench [it sleeps until installed].")
    ] = False,
    stay: Annotated[bool, typer.Option("--stay", help="Leave the node in its console.")] = False,
    timeout_s: TimeoutOption = 60.0,
) -> None:
    """Give a node its id and key, and write them to the fleet file.

    Everything is checked first. A run that broke off is finished by running it again.
    """
    number = None if given_id == "auto" else node_id("--id", given_id)
    if key_file is None:
        key = None
    else:
        key = read_key(key_file) if number is None else read_key_for(key_file, number, generation)
    if new_device and number is None:
        raise ToolError("--new-device: expected --id, the id that another device had")
    may = {"replace": replace or new_device, "discard_samples": discard_samples}
    identity = provisioning.Identity(number, key, generation, name, profile, **may)
    wanted = settings_of(settings or [])
    provisioning.check(identity, wanted)
    path = fleet or default_path()
    with NodeConsole(port) as console, progress() as tell:
        tell("waiting for the board")
        console.enter(timeout_s, ask=ask_for_reset)
        asked = None if gateway is None else Gateway(gateway)
        entry = provisioning.provision(console, identity, path, wanted, asked, _then(start, stay), tell)
    typer.echo(f"node {entry.id:06x} is provisioned, registered in {path}")
    if gateway is not None:
        typer.echo(f"node {entry.id:06x} is known to the gateway of {gateway}")
    if (gone := read_fleet(path).former(entry)) is not None:
        typer.echo(
            f"node {gone.id:06x} was this board and is no more: lyhord-gateway nodes disable {gone.id:06x}"
        )


@commands.command("forget-keys")
def forget_keys(fleet: FleetOption = None) -> None:
    """Take the keys out of a fleet file that the gateway has; its ids stay taken."""
    path = fleet or default_path()
    read_fleet(path)  # there is one
    with open_fleet(path) as opened:
        count = opened.forget_keys()
    typer.echo(f"{path}: {count} keys are gone, its ids stay taken")


def _then(start: bool, stay: bool) -> provisioning.Then:
    if start and stay:
        raise ToolError("expected one of --start and --stay")
    if stay:
        return provisioning.Then.stay
    return provisioning.Then.start if start else provisioning.Then.shelf


def settings_of(pairs: list[str]) -> dict[str, str]:
    """`--set NAME=VALUE`, as many as there are. Raises ToolError."""
    settings = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name or any(char.isspace() for char in name):
            raise ToolError(f"--set wants NAME=VALUE, not {name!r}")
        if name in ("name", "profile"):
            raise ToolError(f"--set {name}: use --{name}, so that the fleet file has it too")
        if name in settings:
            raise ToolError(f"--set {name}: expected it once")
        settings[name] = read_secret(Path(value[1:])) if value.startswith("@") else value
    return settings
