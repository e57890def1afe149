"""`lyhord batch`."""

import csv
import io
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from lyhord_tools import show
from lyhord_tools.batch import bench
from lyhord_tools.batch.journal import Done, Journal
from lyhord_tools.batch.rows import read_rows
from lyhord_tools.cli.label import label_of
from lyhord_tools.cli.options import (
    DEFAULT_BOARD,
    BoardOption,
    FleetOption,
    JsonOption,
    micropython_of,
    read_bytes,
)
from lyhord_tools.cli.provision import settings_of
from lyhord_tools.device.flash import plan
from lyhord_tools.device.ports import serial_ports
from lyhord_tools.errors import ToolError
from lyhord_tools.fleet import ids
from lyhord_tools.fleet.fleet_file import default_path, open_fleet, read_fleet
from lyhord_tools.fleet.gateway import Gateway
from lyhord_tools.fleet.transfer import in_service
from lyhord_tools.image.build import build_image
from lyhord_tools.image.filesystem import identity
from lyhord_tools.image.tree import find_tree
from lyhord_tools.papers import label as labels
from lyhord_tools.papers import record as records
from lyhord_tools.papers import report, signature
from lyhord_tools.papers.sheets import SHEETS, sheet
from lyhord_wire.outside import csv_cell, printable

commands = typer.Typer()


@commands.command()
def batch(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Its journal, records, labels, reports; made if missing.")
    ],
    ports: Annotated[
        list[str] | None, typer.Argument(metavar="[PORT]...", help="Boards [every USB serial port].")
    ] = None,
    micropython: Annotated[
        Path | None,
        typer.Option("--micropython", metavar="FILE", help="MicroPython's .bin [lyhord micropython's]."),
    ] = None,
    board: BoardOption = DEFAULT_BOARD,
    table: Annotated[
        Path | None, typer.Option("--table", metavar="CSV", help="Names, places and settings, a row a board.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="NAME=VALUE", help="For every board; repeatable.")
    ] = None,
    fleet: FleetOption = None,
    gateway: Annotated[
        Path | None,
        typer.Option("--gateway", metavar="CONFIG", help="Ids from this gateway; good boards go there."),
    ] = None,
    link: Annotated[
        bool, typer.Option("--link/--no-link", help="A gateway must hear each board [it need not].")
    ] = False,
    technician: Annotated[str, typer.Option("--technician", metavar="NAME", help="For the records.")] = "",
    key: Annotated[
        Path | None, typer.Option("--key", metavar="FILE", help="Sign a report of each good board.")
    ] = None,
    paper: Annotated[
        str, typer.Option("--sheet", metavar="NAME", help=f"Labels: {', '.join(SHEETS)}.")
    ] = "L7651",
    as_json: JsonOption = False,
) -> None:
    """Take every attached board the whole way, side by side: flash, identity, self-test, label, report.

    The same command goes on where a run ended: boards that are done are left alone.
    """
    order = _order(micropython, board, fleet, settings, technician, link)
    rows = read_rows(table) if table is not None else []
    signer = None if key is None else signature.load_key(key)
    labels_on = sheet(paper)
    found = ports or [port.device for port in serial_ports()]
    if not found:
        raise ToolError("no USB serial port is there; is it a data cable?")
    if len({*map(_real, found)}) != len(found):
        raise ToolError("expected each port once")
    journal = Journal(folder)
    with open_fleet(order.fleet) as opened:  # it is there from now on, and can be written
        if gateway is not None:
            ids.reserve(opened, Gateway(gateway), len(found))
    with _progress(found) as tell:
        ends = bench.run(order, found, journal, rows, tell)
    good = [end for end in ends if end.is_good]
    if gateway is not None and good:
        ends = _enter(ends, Gateway(gateway), order.fleet, journal)
        good = [end for end in ends if end.is_good]
    if good:
        nodes = in_service(read_fleet(order.fleet))
        stickers = [label_of(nodes[int(end.node, 16)][-1]) for end in good if int(end.node, 16) in nodes]
        labels.render(stickers, labels_on, folder / "labels.pdf")
    if signer is not None:
        for end in good:
            _sign(folder, end, signer)
    _summary(folder, ends)
    typer.echo(_json(ends) if as_json else "\n".join(_table(ends)))
    if len(good) < len(ends):
        sys.stdout.flush()
        bad = len(ends) - len(good)
        raise ToolError(f"{bad} of {len(ends)} boards are not ready; the same command goes on")


def _order(
    micropython: Path | None,
    board: str,
    fleet: Path | None,
    settings: list[str] | None,
    technician: str,
    link: bool,
) -> bench.Order:
    tree = find_tree()
    firmware = micropython_of(micropython, tree.layout(board))
    with TemporaryDirectory() as scratch:
        built = Path(scratch) / "image"
        build_image("node", board, built)
        image = built.read_bytes()
    layout = tree.layout(board)
    plan(firmware, image, layout)
    return bench.Order(
        firmware,
        image,
        identity(image, tree.boards()),
        layout,
        fleet or default_path(),
        settings_of(settings or []),
        technician,
        link,
    )


def _real(port: str) -> str:
    return port if "://" in port else str(Path(port).resolve())


def _enter(ends: Sequence[Done], gateway: Gateway, fleet: Path, journal: Journal) -> list[Done]:
    """Good boards are known to the gateway; one that it refuses is not ready."""
    nodes = in_service(read_fleet(fleet))
    settled = []
    for end in ends:
        if end.is_good:
            try:
                gateway.enter([one.line() for one in nodes.get(int(end.node, 16), [])])
            except ToolError as fault:
                end = bench.failed(end, "gateway", str(fault))
                journal.add(end)
        settled.append(end)
    return settled


def _sign(folder: Path, end: Done, signer: Ed25519PrivateKey) -> None:
    record = records.read(json.loads(read_bytes(folder / end.record)))
    signed = folder / f"{end.node}.report.json"
    if not signed.exists():
        report.render(record, folder / f"{end.node}.pdf", signer.public_key().public_bytes_raw())
        signed.write_text(signature.sign(record, signer), encoding="utf-8")


def _summary(folder: Path, ends: Sequence[Done]) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("port", "mac", "node", "name", "board", "verdict", "step", "detail"))
    for end in ends:
        verdict = "ready" if end.is_good else "failed"
        cells = (end.port, end.mac, end.node, end.name, end.board, verdict, end.step, end.detail)
        writer.writerow([csv_cell(cell) for cell in cells])
    (folder / "summary.csv").write_text(text.getvalue(), encoding="utf-8")


def _json(ends: Sequence[Done]) -> str:
    return show.as_json([{**bench.told(end), "ready": end.is_good} for end in ends])


def _table(ends: Sequence[Done]) -> Iterator[str]:
    rows = [
        (printable(end.port), end.node or "-", printable(end.name), "ready" if end.is_good else end.step)
        for end in ends
    ]
    yield from show.table(("port", "node", "name", "ended at"), rows)
    for end in ends:
        if not end.is_good:
            yield printable(f"{end.port}: {end.detail}")


@contextmanager
def _progress(ports: Sequence[str]) -> Iterator[Callable[[str, str, float], None]]:
    """A bar a board on a terminal; elsewhere a line for each step of each board."""
    if not sys.stderr.isatty():
        last: dict[str, str] = {}

        def line(port: str, step: str, _part: float) -> None:
            if last.get(port) != step:
                last[port] = step
                typer.echo(printable(f"{port}: {step}"), err=True)

        yield line
        return
    columns = (TextColumn("{task.fields[port]}"), BarColumn(20), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as shown:
        tasks = {port: shown.add_task("", total=1.0, port=port[-28:]) for port in ports}
        yield lambda port, step, part: shown.update(tasks[port], description=step, completed=part)
