"""`lyhord fleet`: the fleet file, looked at, filled and handed on."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools import show
from lyhord_tools.cli.options import FleetOption, GatewayOption, JsonOption, node_id
from lyhord_tools.cli.progress import progress
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet import fleet_rows, ids, transfer
from lyhord_tools.fleet.fleet_file import default_path, open_fleet, read_fleet
from lyhord_tools.fleet.gateway import Gateway
from lyhord_tools.private_file import create_private
from lyhord_wire.outside import printable

commands = typer.Typer(
    name="fleet",
    help="The nodes that this laptop has provisioned: list them, hand them on, get ids for more.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="The node, hexadecimal.")]
ReplaceOption = Annotated[
    list[str] | None,
    typer.Option("--replace", metavar="ID", help="Another device has this id now; repeatable."),
]


@commands.command("list")
def list_nodes(fleet: FleetOption = None, as_json: JsonOption = False) -> None:
    """List nodes and blocks of ids. Never keys."""
    found = read_fleet(fleet or default_path())
    if as_json:
        typer.echo(show.as_json(fleet_rows.whole(found)))
        return
    for line in fleet_rows.table(found):
        typer.echo(line)


@commands.command("show")
def show_node(node: IdArgument, fleet: FleetOption = None, as_json: JsonOption = False) -> None:
    """Show all that is known of a node: its board, since when it is one. Never its key."""
    path = fleet or default_path()
    number = node_id("ID", node)
    row = fleet_rows.node(read_fleet(path), number)
    if row is None:
        raise ToolError(f"{path} has no node {number:06x}; lyhord fleet list names those that it has")
    if as_json:
        typer.echo(show.as_json(row))
        return
    for key, value in row.items():
        typer.echo(printable(f"{key}: {fleet_rows.text(value)}"))


@commands.command("import")
def import_nodes(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="JSON Lines: a fleet file, or nodes export.")],
    fleet: FleetOption = None,
    replace: ReplaceOption = None,
) -> None:
    """Enter nodes of another file, all or none. Another key of an id is refused."""
    path = fleet or default_path()
    nodes = transfer.read_nodes(file)
    with open_fleet(path) as opened:
        count = opened.take_in(nodes, [node_id("--replace", one) for one in replace or []])
    typer.echo(f"{path}: {count} of {len(nodes)} lines are new")


@commands.command("export")
def export_nodes(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A new file, or - for standard output.")],
    fleet: FleetOption = None,
    keys: Annotated[bool, typer.Option("--keys", help="With their keys, into a file of mode 0600.")] = False,
) -> None:
    """Write provisioned nodes as JSON Lines, as the gateway's `nodes import` takes them."""
    found = read_fleet(fleet or default_path())
    lines = transfer.export(found, keys)
    if str(file) == "-":
        if keys:
            raise ToolError("--keys: expected a file, keys are not printed")
        for line in lines:
            typer.echo(line)
        return
    create_private(file, "".join(line + "\n" for line in lines))
    typer.echo(f"{len(lines)} lines are in {file}{', with keys' if keys else ''}")


@commands.command("to-gateway")
def to_gateway(gateway: GatewayOption, fleet: FleetOption = None, replace: ReplaceOption = None) -> None:
    """Enter provisioned nodes at the gateway on this machine; again is the same as once."""
    found = read_fleet(fleet or default_path())
    replacing = [node_id("--replace", one) for one in replace or []]
    with progress() as tell:
        tell("asking the gateway")
        sent = transfer.to_gateway(
            found, Gateway(gateway), replacing, lambda done, every: tell(f"node {done} of {every}")
        )
    typer.echo(f"{len(sent.entered)} nodes entered, {len(sent.known)} were known to the gateway of {gateway}")
    for node, why in sent.refused:
        typer.echo(printable(f"node {node:06x} is not entered: {why}"))
    if sent.refused:
        sys.stdout.flush()
        raise ToolError(f"{len(sent.refused)} nodes are not entered")


@commands.command("reserve")
def reserve(
    gateway: GatewayOption,
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, max=4096, help="How many nodes you may provision.")
    ] = 50,
    fleet: FleetOption = None,
) -> None:
    """Get a block of ids from the gateway, for work without it; nobody else is given them."""
    path = fleet or default_path()
    with open_fleet(path) as opened:
        block = ids.reserve(opened, Gateway(gateway), count)
    typer.echo(f"{path}: {block.ids[0]:06x} to {block.ids[-1]:06x} are this laptop's")
