"""`lyhord-gateway nodes`: the registry."""

import csv
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
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
from lyhord_gateway.cli.node_rows import TITLES, flat, in_full, listed
from lyhord_gateway.cli.queue import queued
from lyhord_gateway.cli.selection import (
    BoardOption,
    NameOption,
    NodesOption,
    ProfileOption,
    SilentOption,
    selection,
    sort,
)
from lyhord_gateway.config.tree import load
from lyhord_gateway.fleet.ids import RESERVE_MAX, next_id, reserve
from lyhord_gateway.fleet.keys import add, retire_older, rotate
from lyhord_gateway.fleet.nodes import (
    NAME_MAX,
    PROFILE_KEYS,
    NodeLine,
    export_line,
    export_lines_with_keys,
    import_checked,
    parse_lines,
    remove,
    set_enabled,
    unknown_only,
)
from lyhord_gateway.fleet.unknown_nodes import KEY as UNKNOWN_NODES
from lyhord_gateway.fleet.unknown_nodes import unpack
from lyhord_gateway.model.reading import node_text
from lyhord_gateway.node_broker.accounts import Accounts
from lyhord_gateway.store.renumber import plausible_end, renumber
from lyhord_gateway.store.session import load_session, save_session
from lyhord_gateway.store.transaction import transaction
from lyhord_gateway.support.errors import UnknownNode, UserError
from lyhord_gateway.support.private_file import create_private
from lyhord_wire.outside import one_line

SEQ_MAX = 0xFFFFFFFF

nodes_app = typer.Typer(
    help="List the known nodes, or look after them and their keys.", rich_markup_mode=None
)

NodeArgument = Annotated[str, typer.Argument(metavar="ID", help="The node, six hexadecimal digits.")]
KeysOption = Annotated[
    Path | None, typer.Option("--with-keys", metavar="FILE", help="The file for keys, mode 0600.")
]
NeededKeysOption = Annotated[
    Path, typer.Option("--with-keys", metavar="FILE", help="The file for the key, mode 0600.")
]


@nodes_app.callback(invoke_without_command=True)
def nodes(
    context: typer.Context,
    config: MaybeConfigOption = None,
    as_json: JsonOption = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets; times in Unix seconds.")] = False,
    node: NodesOption = None,
    name: NameOption = None,
    profile: ProfileOption = None,
    board: BoardOption = None,
    silent: SilentOption = None,
    order: Annotated[
        str | None,
        typer.Option("--sort", metavar="COLUMN", help="By a column of --json; -COLUMN turns the order."),
    ] = None,
) -> None:
    """List the known nodes: when they were heard, what is stored, what is missing. Never their keys."""
    if context.invoked_subcommand is not None:
        return
    if as_json and as_csv:
        raise UserError("nodes: expected one of --csv and --json")
    now_s = int(time.time())
    chosen = selection(node, name, profile, board, silent)
    with reading(load(given("nodes", config))) as reader:
        rows = sort([listed(one, now_s) for one in chosen.choose(reader.nodes(), now_s)], order)
    if as_csv:
        lines = csv.writer(sys.stdout, lineterminator="\n")
        lines.writerow(TITLES)
        lines.writerows(map(flat, rows))
        return
    tell(rows, as_json, lambda: show.nodes(rows, now_s))


@nodes_app.command("import")
def nodes_import(
    config: ConfigOption,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON Lines, or - for standard input.")],
    new_device: Annotated[
        list[str] | None,
        typer.Option(
            "--replace",
            "--new-device",
            metavar="ID",
            help="Another device gets this id and its key; repeatable.",
        ),
    ] = None,
    only_new: Annotated[
        bool, typer.Option("--only-new", help="Leave nodes that are in the registry as they are.")
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Check everything, enter nothing.")] = False,
) -> None:
    """Enter nodes with their keys; a running gateway takes them over at once.

    A key in force is not replaced, and none that was retired comes back.
    """
    others = [node_number(node) for node in new_device or []]
    try:
        if file == "-":
            lines = parse_lines("standard input", sys.stdin.buffer)
        else:
            with Path(file).open("rb") as source:
                lines = parse_lines(file, source)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
    with writing(load(config)) as connection:
        if only_new:
            lines = unknown_only(connection, lines)
        count = import_checked(connection, lines, others, check_only=check)
    typer.echo(f"{count} nodes {'can be ' if check else ''}imported")


@nodes_app.command("export")
def nodes_export(config: ConfigOption, with_keys: KeysOption = None) -> None:
    """Print the nodes as JSON Lines, without their keys; with them only into a new file of mode 0600."""
    with reading(load(config)) as reader:
        known = reader.nodes()
        if with_keys is None:
            for node in known:
                typer.echo(export_line(node))
            return
        lines = [export_lines_with_keys(node, reader.keys(node.facts.node)) for node in known]
    create_private(with_keys, [line for one in lines for line in one])
    typer.echo(f"{len(known)} nodes with their keys are in {with_keys}")


@nodes_app.command("add")
def nodes_add(
    config: ConfigOption,
    with_keys: NeededKeysOption,
    node: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Its id [the lowest above all others].")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What people call the place.")] = "",
    profile: Annotated[str, typer.Option("--profile", help="bin or building.")] = "bin",
) -> None:
    """Enter a new node with a new key; its line for `lyhord provision` goes into the file."""
    if profile not in PROFILE_KEYS:
        raise UserError(f"--profile: expected {' or '.join(PROFILE_KEYS)}")
    if len(name) > NAME_MAX:
        raise UserError(f"--name: expected up to {NAME_MAX} characters")
    created = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    line = NodeLine(id="", name=one_line(name) or None, profile=profile, created=created)
    with writing(load(config)) as connection:
        taken = add(connection, node_number(node) if node else None, line, with_keys)
    typer.echo(f"node {node_text(taken)} added, its key is in {with_keys}")


@nodes_app.command("account")
def nodes_account(config: ConfigOption, node: NodeArgument, with_keys: NeededKeysOption) -> None:
    """Write a WiFi node's account at the embedded broker: user name and password, a line each."""
    number = node_number(node)
    loaded = load(config)
    with reading(loaded) as reader:
        if reader.node(number) is None:
            raise UnknownNode(number)
    password = Accounts(loaded.data_dir / "broker").password(number)
    create_private(with_keys, [node_text(number), password])
    typer.echo(f"node {node_text(number)}: its account is in {with_keys}")


@nodes_app.command("disable")
def nodes_disable(config: ConfigOption, node: NodeArgument) -> None:
    """Refuse a node's frames from now on; what it has said stays."""
    _switch(config, node, False)


@nodes_app.command("enable")
def nodes_enable(config: ConfigOption, node: NodeArgument) -> None:
    """Take a disabled node's frames again."""
    _switch(config, node, True)


@nodes_app.command("remove")
def nodes_remove(config: ConfigOption, node: NodeArgument) -> None:
    """Take a node and its keys out of the registry for good; its readings stay, its id is not given again."""
    number = node_number(node)
    with writing(load(config)) as connection:
        remove(connection, number)
    typer.echo(f"node {node_text(number)} removed")


@nodes_app.command("next-id")
def nodes_next_id(config: ConfigOption) -> None:
    """Print the lowest id above all that were ever given; `reserve` gives it away."""
    with writing(load(config)) as connection:
        typer.echo(node_text(next_id(connection)))


@nodes_app.command("reserve")
def nodes_reserve(
    config: ConfigOption,
    count: Annotated[
        int, typer.Option("--count", metavar="N", min=1, max=RESERVE_MAX, help="How many ids.")
    ] = 1,
    as_json: JsonOption = False,
) -> None:
    """Give ids away to somebody who provisions nodes elsewhere: none of them is ever given again."""
    with writing(load(config)) as connection:
        ids = reserve(connection, count)
    first, last = node_text(ids[0]), node_text(ids[-1])
    tell({"first": first, "last": last, "count": count}, as_json, lambda: typer.echo(f"{first} to {last}"))


def _switch(config: Path, node: str, enabled: bool) -> None:
    number = node_number(node)
    with writing(load(config)) as connection:
        set_enabled(connection, number, enabled)
    typer.echo(f"node {node_text(number)} {'enabled' if enabled else 'disabled'}")


@nodes_app.command("rotate")
def nodes_rotate(
    config: ConfigOption,
    node: NodeArgument,
    with_keys: NeededKeysOption,
    again: Annotated[
        bool, typer.Option("--again", help="Another new key: the file with the first one was lost.")
    ] = False,
) -> None:
    """Make the key of the next generation; the old one stays good until the node was heard with the new."""
    number = node_number(node)
    with writing(load(config)) as connection:
        generation = rotate(connection, number, with_keys, again)
    typer.echo(f"node {node_text(number)}: the key of generation {generation} is in {with_keys}")


@nodes_app.command("retire")
def nodes_retire(config: ConfigOption, node: NodeArgument) -> None:
    """Take a node's older key back now, a week before it would go by itself."""
    number = node_number(node)
    with writing(load(config)) as connection:
        generation = retire_older(connection, number)
    typer.echo(f"node {node_text(number)}: only the key of generation {generation} is left")


@nodes_app.command("reset-session")
def nodes_reset_session(
    config: ConfigOption,
    node: NodeArgument,
    following: Annotated[
        int | None,
        typer.Option(
            "--next",
            min=0,
            max=SEQ_MAX,
            help="Number of the node's next sample, as its console says [after the last plausible one].",
        ),
    ] = None,
) -> None:
    """Forget sample numbers that a node cannot have reached, so that its own ones are taken again."""
    number = node_number(node)
    with writing(load(config)) as connection, transaction(connection):
        if connection.execute("SELECT 1 FROM node WHERE id = ?", (number,)).fetchone() is None:
            raise UnknownNode(number)
        session = load_session(connection, number)
        before = session.expected
        end = plausible_end(connection, session) if following is None else session.base + following
        removed = renumber(connection, session, end)
        save_session(connection, session)
    done = f"numbers {end}…{before - 1} are forgotten" if end < before else "all its numbers are plausible"
    typer.echo(f"node {node_text(number)}: {done}, {removed} samples removed")


@nodes_app.command("show")
def nodes_show(config: ConfigOption, node: NodeArgument, as_json: JsonOption = False) -> None:
    """Show all about one node: when heard and how, its gaps, settings and orders. Never its keys."""
    number, now_s = node_number(node), int(time.time())
    with reading(load(config)) as reader:
        found = reader.listed(number)
        if found is None:
            raise UnknownNode(number)
        orders = [queued(entry) for entry in reader.orders(number)]
        row = in_full(found, reader.rotation(number), now_s) | {"orders": orders}
    tell(row, as_json, lambda: show.node(row, now_s))


@nodes_app.command("unknown")
def nodes_unknown(config: ConfigOption, as_json: JsonOption = False) -> None:
    """List nodes that are heard and not in the registry; what they say is not stored."""
    with reading(load(config)) as reader:
        unknown_nodes = unpack(reader.kept(UNKNOWN_NODES))
    rows: list[show.Row] = [
        {
            "id": node_text(one.node),
            "first_heard": one.first_s,
            "last_heard": one.last_s,
            "frames": one.count,
            "rssi_dbm": one.rssi_dbm,
            "source": one.source,
        }
        for one in unknown_nodes
    ]
    tell(rows, as_json, lambda: show.unknown(rows, int(time.time())))
