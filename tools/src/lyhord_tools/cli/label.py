"""`lyhord label`."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools import show
from lyhord_tools.cli.options import FleetOption, JsonOption, node_id, progress_bar
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.entries import Entry
from lyhord_tools.fleet.fleet_file import default_path, read_fleet
from lyhord_tools.fleet.transfer import in_service
from lyhord_tools.papers import label as labels
from lyhord_tools.papers.sheets import SHEETS, sheet

commands = typer.Typer(
    name="label",
    help="Labels for boards: print a sheet, read a scanned one.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@commands.command("print")
def print_labels(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="A .pdf, or for one page a .png.")],
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="These nodes [all of the fleet file].")
    ] = None,
    paper: Annotated[
        str, typer.Option("--sheet", metavar="NAME", help=f"Labels: {', '.join(SHEETS)}.")
    ] = "L7651",
    skip: Annotated[
        int, typer.Option("--skip", metavar="N", min=0, help="Places of the first sheet that are empty.")
    ] = 0,
    copies: Annotated[int, typer.Option("--copies", metavar="N", min=1, max=20, help="Of each label.")] = 1,
    base_url: Annotated[
        str | None,
        typer.Option("--base-url", metavar="URL", help="The QR is this address with the id behind it."),
    ] = None,
    board: Annotated[str | None, typer.Option("--board", metavar="NAME", help="Only nodes on it.")] = None,
    profile: Annotated[
        str | None, typer.Option("--profile", metavar="NAME", help="Only nodes of it.")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since", formats=["%Y-%m-%d"], metavar="DATE", help="Only nodes made then or later, UTC."
        ),
    ] = None,
    fleet: FleetOption = None,
) -> None:
    """Print labels: a QR and the six digits, name, board, day. Never a key."""
    path = fleet or default_path()
    nodes = in_service(read_fleet(path))
    wanted = [node_id("ID", one) for one in ids or []] or sorted(nodes)
    for node in wanted:
        if node not in nodes:
            raise ToolError(f"{path} has no node {node:06x}; lyhord fleet list names those that it has")
    chosen = [label_of(nodes[node][-1]) for node in wanted]
    found = [
        label
        for label in chosen
        if board in (None, label.board)
        and profile in (None, label.profile)
        and (since is None or (label.made is not None and label.made >= since.date()))
        for _ in range(copies)
    ]
    if not found:
        raise ToolError(
            f"{path}: none of {len(chosen)} nodes is meant; --board, --profile, --since chose among them"
        )
    with progress_bar("drawing labels") as done:
        pages = labels.render(found, sheet(paper), out, skip=skip, base=base_url, done=done)
    typer.echo(f"{out}: {_many(len(found), 'label')} on {_many(pages, 'page')} of {sheet(paper).name}")


@commands.command("sheets")
def list_sheets() -> None:
    """List the sheets, rolls and tapes that labels are printed on."""
    rows = [
        (one.name, f"{one.width:g} x {one.height:g}", str(one.count) if one.page else "roll")
        for one in SHEETS.values()
    ]
    for line in show.table(("name", "label, mm", "on a page"), rows, frozenset({1, 2})):
        typer.echo(line)


@commands.command("read")
def readlabel_of(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What a scanner read in the QR.")],
    as_json: JsonOption = False,
) -> None:
    """Say which node a scanned label is."""
    found = labels.parse(text)
    told = {"id": f"{found.node:06x}", "board": found.board or None, "profile": found.profile or None}
    if as_json:
        typer.echo(show.as_json(told))
    else:
        typer.echo("\n".join(f"{name}: {value}" for name, value in told.items() if value))


def label_of(entry: Entry) -> labels.Label:
    """The label of a node of the fleet file."""
    made = (entry.created or datetime.now(UTC)).date()
    return labels.Label(entry.id, entry.board, entry.profile or "bin", entry.name, made)


def _many(count: int, what: str) -> str:
    return f"{count} {what}" + ("" if count == 1 else "s")
