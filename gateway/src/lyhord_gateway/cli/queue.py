"""`lyhord-gateway send` and `queue`: what nodes are to be told."""

import re
import time
from typing import Annotated

import typer

from lyhord_gateway.cli import show
from lyhord_gateway.cli.common import (
    ConfigOption,
    JsonOption,
    MaybeConfigOption,
    given,
    node_number,
    reading,
    tell,
    writing,
)
from lyhord_gateway.cli.selection import (
    BoardOption,
    NameOption,
    NodesOption,
    ProfileOption,
    names,
    selection,
)
from lyhord_gateway.config.tree import load
from lyhord_gateway.fleet.reach import reach
from lyhord_gateway.model.orders import Order, command_order, settings_order
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.store.downlinks.queue import ORDER_MAX, Entry, cancel, enter_order
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.support.errors import UnknownNode, UserError

_ORIGIN = "cli"
_ASSIGNMENT = re.compile(r"([a-z_]{1,40})=(-?[0-9]{1,10})")

queue_app = typer.Typer(help="List what nodes are to be told, or take it back.", rich_markup_mode=None)

NodeOption = Annotated[str | None, typer.Option("--node", metavar="ID", help="Only this node's.")]


def send(
    config: ConfigOption,
    node: NodesOption = None,
    name: NameOption = None,
    profile: ProfileOption = None,
    board: BoardOption = None,
    everybody: Annotated[bool, typer.Option("--all", help="Every node that is enabled.")] = False,
    assignments: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting; several make one set, taken whole."),
    ] = None,
    command: Annotated[
        str | None,
        typer.Option(
            "--command", metavar="NAME", help="restart, report_now, send_about, blink or stop_alarms."
        ),
    ] = None,
    argument: Annotated[
        int | None, typer.Option("--arg", metavar="N", help="How often to blink, 1…100.")
    ] = None,
) -> None:
    """Queue settings or a command for nodes; it goes out with an answer to each of them.

    Of many nodes all get the order, or none: one that cannot do it is named.
    """
    order = order_from(assignments or [], command, argument)
    chosen = selection(node, name, profile, board, None)
    if chosen.is_everything() != everybody:
        raise UserError("send: expected --node, --name, --profile or --board, or else --all")
    loaded, now_s = load(config), int(time.time())
    with writing(loaded) as connection:
        if chosen.is_by_id():
            numbers = list(dict.fromkeys(chosen.nodes))
        else:
            found = chosen.choose(Reader(connection).nodes(), now_s)
            numbers = [one.facts.node for one in found if one.enabled]
        if not numbers:
            raise UserError("send: expected one node at least, none is such")
        refuse = reach(loaded).refuse
        with transaction(connection):
            entries = [enter_order(connection, number, order, _ORIGIN, now_s, refuse) for number in numbers]
    if len(entries) > 1:
        typer.echo(f"{len(entries)} orders wait, for {names(numbers)}: {order.text()}")
        return
    (entry,) = entries
    version = "" if entry.version is None else f", settings version {entry.version}"
    typer.echo(f"order {entry.id} waits for node {node_text(entry.node)}: {order.text()}{version}")


def order_from(assignments: list[str], command: str | None, argument: int | None) -> Order:
    """The order of a command line; raises UserError."""
    if bool(assignments) == (command is not None):
        raise UserError("send: expected either --set or --command")
    if command is not None:
        return command_order(command, () if argument is None else (argument,))
    if argument is not None:
        raise UserError("--arg: expected with --command only")
    wanted: dict[str, int] = {}
    for assignment in assignments:
        match = _ASSIGNMENT.fullmatch(assignment)
        if match is None:
            raise UserError(f"--set {assignment}: expected name=whole number")
        if match[1] in wanted:
            raise UserError(f"--set {assignment}: expected {match[1]} once")
        wanted[match[1]] = int(match[2])
    return settings_order(wanted)


@queue_app.callback(invoke_without_command=True)
def queue(
    context: typer.Context,
    config: MaybeConfigOption = None,
    node: NodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List what nodes are to be told: waiting, sent, confirmed, refused or cancelled."""
    if context.invoked_subcommand is not None:
        return
    number = None if node is None else node_number(node)
    with reading(load(given("queue", config))) as reader:
        rows = [queued(entry) for entry in reader.orders(number)]
        if number is not None and not rows and reader.node(number) is None:
            raise UnknownNode(number)
    tell(rows, as_json, lambda: show.queue(rows, int(time.time())))


@queue_app.command("cancel")
def queue_cancel(
    config: ConfigOption,
    order: Annotated[
        int, typer.Argument(metavar="ORDER", min=1, max=ORDER_MAX, help="Its number in the list.")
    ],
) -> None:
    """Take back an order that waits, or settings that the node has not confirmed yet."""
    with writing(load(config)) as connection:
        cancel(connection, order, int(time.time()))
    typer.echo(f"order {order} cancelled")


def queued(entry: Entry) -> show.Row:
    """The order as `queue --json` shows it."""
    return {
        "id": entry.id,
        "node": node_text(entry.node),
        "order": entry.order.text(),
        "settings_version": entry.version,
        "state": entry.state,
        "tries": entry.tries,
        "origin": entry.origin,
        "created": entry.created_s,
        "changed": entry.changed_s,
    }
