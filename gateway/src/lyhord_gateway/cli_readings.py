"""`lyhord-gateway readings`: what a node has measured."""

import sys
import time
from typing import Annotated

import typer

from lyhord_gateway import history
from lyhord_gateway.cli_common import ConfigOption, reading
from lyhord_gateway.config import load
from lyhord_gateway.faults import UserFault


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
        raise UserFault("readings: expected one of --table, --csv and --json")
    shape = history.print_csv if as_csv else history.print_json if as_json else history.print_table
    now_s = int(time.time())
    with reading(load(config)) as reader:
        asked = history.Asked(
            history.find_node(reader, node, name),
            history.parse_time("--since", since, now_s),
            history.FOREVER_S if until is None else history.parse_time("--until", until, now_s),
            tuple(history.parse_quantity("--quantity", text) for text in quantity or ()),
        )
        shape(sys.stdout, reader, asked)
