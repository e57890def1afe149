"""`lyhord provision` and `lyhord forget-keys`."""

from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools.cli.options import PortOption, TimeoutOption, ask_for_reset
from lyhord_tools.device.console import NodeConsole
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet import provision as provisioning
from lyhord_tools.fleet.gateway import Gateway
from lyhord_tools.fleet.keys import new_key, read_key, read_key_for, read_secret
from lyhord_tools.fleet.registry import open_registry
from lyhord_wire.frame import NODE_MAX

commands = typer.Typer()


@commands.command()
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
        console.enter(timeout_s, ask=ask_for_reset)
        asked = None if gateway is None else Gateway(gateway)
        entry = provisioning.provision(console, identity, registry, wanted, asked)
        if not stay:
            console.command("exit")
    typer.echo(f"node {entry.id:06x} is provisioned, registered in {registry}")
    if gateway is not None:
        typer.echo(f"node {entry.id:06x} is known to the gateway of {gateway}")


@commands.command("forget-keys")
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
