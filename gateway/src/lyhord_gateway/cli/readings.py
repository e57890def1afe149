"""`lyhord-gateway readings`: what a node has measured."""

import re
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from lyhord_gateway.cli import history
from lyhord_gateway.cli.common import ConfigOption, node_number, reading
from lyhord_gateway.config.tree import load
from lyhord_gateway.model.reading import NodeFacts, node_text
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.support.errors import UnknownNode, UserError
from lyhord_wire.tables import QUANTITIES

_AGO = re.compile(r"(\d{1,6})(s|min|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}


def readings(
    config: ConfigOption,
    since: Annotated[
        str, typer.Option(metavar="TIME", help="From here on: 2026-01-31, 2026-01-31T12:00Z, or 24h, 7d ago.")
    ],
    until: Annotated[str | None, typer.Option(metavar="TIME", help="Before here.")] = None,
    node: Annotated[str | None, typer.Option(metavar="ID", help="The node by its id.")] = None,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="The node by its name.")] = None,
    quantity: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this quantity; may be repeated.")
    ] = None,
    as_table: Annotated[bool, typer.Option("--table", help="For people, the default.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="For spreadsheets, units in the titles.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON Lines for machines.")] = False,
) -> None:
    """Print what a node has measured, as far as the history is kept. Times are UTC."""
    if as_table + as_csv + as_json > 1:
        raise UserError("readings: expected one of --table, --csv and --json")
    shape = history.print_csv if as_csv else history.print_json if as_json else history.print_table
    now_s = int(time.time())
    with reading(load(config)) as reader:
        since_s = parse_time("--since", since, now_s)
        until_s = history.FOREVER_S if until is None else parse_time("--until", until, now_s)
        if until_s <= since_s:
            raise UserError("--until: expected a later time than that of --since")
        asked = history.Asked(
            find_node(reader, node, name),
            since_s,
            until_s,
            tuple(parse_quantity("--quantity", text) for text in quantity or ()),
        )
        shape(sys.stdout, reader, asked)


def parse_time(option: str, text: str, now_s: int) -> int:
    """Unix seconds. text: a date or time (ISO 8601, UTC if it names no zone), or so long ago: 24h."""
    if ago := _AGO.fullmatch(text):
        return now_s - int(ago[1]) * _SECONDS[ago[2]]
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(
            f"{option}: expected a time such as 2026-01-31, 2026-01-31T12:00Z or 24h, not {text}"
        ) from error
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def parse_quantity(option: str, text: str) -> int:
    for quantity in QUANTITIES.values():
        if quantity.name == text:
            return quantity.key
    if re.fullmatch(r"q\d{1,9}", text):  # as a quantity is shown that this version does not know
        return int(text[1:])
    raise UserError(f"{option}: expected one of {', '.join(q.name for q in QUANTITIES.values())}, not {text}")


def find_node(reader: Reader, node: str | None, name: str | None) -> NodeFacts:
    """The node with this id (six hexadecimal digits) or this name; raises UserError if there is not one."""
    if (node is None) == (name is None):
        raise UserError("readings: expected --node ID or --name NAME")
    if node is not None:
        number = node_number(node)
        if (row := reader.node(number)) is not None:
            return row.facts
        if not reader.history(number, -1, 0, history.FOREVER_S, 1):  # a node's readings may outlive it
            raise UnknownNode(number)
        return NodeFacts(number)
    assert name is not None
    found = reader.named(name)
    if len(found) != 1:
        ids = f": {', '.join(map(node_text, found))}; use --node" if found else ""
        raise UserError(f"--name: expected the name of one node, {len(found)} are called {name}{ids}")
    row = reader.node(found[0])
    assert row is not None
    return row.facts
