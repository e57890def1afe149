"""`lyhord-rig`: virtual streets and what is measured on virtual boards."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Event
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live

from lyhord_tools.command_line import add_version, run

from .measuring.bench_air import measure_air
from .measuring.budget import read_budget
from .measuring.energy import measure_energy
from .measuring.energy_currents import BATTERIES, Computing
from .measuring.energy_show import as_dict as energy_as_dict
from .measuring.energy_show import lines as energy_lines
from .measuring.size import measure_size
from .street.live import LiveTable
from .street.services import ServiceFailed
from .street.street import Plan, Street
from .street.truth import Truth

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help=__doc__,
)
add_version(app, "lyhord-rig", "lyhord-rig")

_SHOWN_S = 0.5


@app.command()
def boards(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Their ports and flash; made if missing.")],
    count: Annotated[int, typer.Option(min=1, max=32, help="Boards.")] = 4,
    seconds: Annotated[float, typer.Option(min=0, help="How long they have power; 0: until Ctrl-C.")] = 0,
) -> None:
    """Put boards from the box on serial ports, to try the technicians' commands without hardware."""
    from .bench.box import WholeBoard
    from .bench.micropython_file import micropython_file

    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    firmware = folder / "ESP32_GENERIC.bin"
    firmware.write_bytes(micropython_file())
    with ExitStack() as power:
        ports = [power.enter_context(WholeBoard(folder, f"board{n}")).port for n in range(1, count + 1)]
        typer.echo("\n".join(ports))
        typer.echo(f"a stand-in for MicroPython's file: {firmware}")
        typer.echo(f"for example: lyhord batch {folder / 'batch'} {' '.join(ports)} --micropython {firmware}")
        with suppress(KeyboardInterrupt):
            Event().wait(seconds or None)


@app.command()
def street(
    nodes: Annotated[
        int, typer.Option(min=1, max=200, help="Virtual nodes; a third of them talks over WiFi.")
    ] = 6,
    seconds: Annotated[float, typer.Option(min=0, help="How long to run; 0: until Ctrl-C.")] = 0,
    seed: Annotated[
        int, typer.Option(help="The same seed gives the same bins, weather, losses and keys.")
    ] = 1,
    loss: Annotated[
        float, typer.Option(min=0, max=0.9, help="Share of LoRa receptions that are lost.")
    ] = 0.0,
    work_dir: Annotated[Path | None, typer.Option(help="Keep images, logs and store here.")] = None,
) -> None:
    """Run a street of virtual nodes with a real gateway and brokers; ends with one line of truth.

    Exit code 1 if any sample is missing or doubled at the platform.
    """
    plan = Plan(nodes=nodes, seed=seed, loss=loss)
    if work_dir is not None:
        truth = asyncio.run(_street(plan, work_dir, seconds))
    else:
        with tempfile.TemporaryDirectory(prefix="lyhord-") as scratch:
            truth = asyncio.run(_street(plan, Path(scratch), seconds))
    raise typer.Exit(0 if truth.holds else 1)


async def _street(plan: Plan, work_dir: Path, seconds: float) -> Truth:
    console = Console()
    shown = LiveTable()
    console.print(f"seed {plan.seed}: {plan.nodes - plan.wifi_nodes} LoRa and {plan.wifi_nodes} WiFi nodes")
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    async with Street(plan, work_dir, on_row=shown.take, say=console.print) as the_street:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stopped.set)
        began_mono_s = loop.time()
        with Live(console=console, auto_refresh=False) as live:
            while not stopped.is_set() and (not seconds or loop.time() - began_mono_s < seconds):
                await the_street.run_for(_SHOWN_S)
                ran_s = loop.time() - began_mono_s
                title = f"{ran_s:.0f} of {seconds:.0f} s" if seconds else f"{ran_s:.0f} s, Ctrl-C ends"
                live.update(shown.table(the_street, title), refresh=True)
        if not console.is_terminal:
            console.print()  # a live table leaves its last line open where it cannot redraw
        truth = await the_street.drain()
    console.print(str(truth), highlight=False)
    for line in (*truth.missing[:10], *truth.doubled[:10]):
        console.print(f"  {line}", highlight=False)
    return truth


@app.command()
def size(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Bytes of the node's image per module, and free heap after a full cycle over either link.

    Exit code 1 if a budget of firmware/budget.toml is exceeded.
    """
    report = asyncio.run(measure_size())
    exceeded = list(read_budget().exceeded(report))
    if as_json:
        typer.echo(json.dumps(report.as_dict() | {"exceeded": exceeded}))
    else:
        for line in report.lines():
            typer.echo(line)
    for line in exceeded:
        typer.echo(f"over budget: {line}", err=True)
    raise typer.Exit(1 if exceeded else 0)


@app.command("bench-air")
def bench_air(
    seed: Annotated[int, typer.Option(help="The same seed gives the same bin, weather and battery.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Bytes and milliseconds on the air per sample: our frames beside SenML, Cayenne LPP, Milesight, JSON."""
    report = measure_air(seed)
    if as_json:
        typer.echo(json.dumps(report.as_dict()))
        return
    for line in report.lines():
        typer.echo(line)


@app.command()
def energy(
    battery: Annotated[str, typer.Option(help=f"One of {', '.join(BATTERIES)}.")] = "er26500",
    factor: Annotated[
        float,
        typer.Option(min=1, help="How many times slower an ESP32 computes than a PC."),
    ] = Computing().factor,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for machines.")] = False,
) -> None:
    """Charge per report and life on a battery, per board and setting: measured steps, published currents."""
    if battery not in BATTERIES:
        raise typer.BadParameter(f"expected one of {', '.join(BATTERIES)}", param_hint="--battery")

    def say(text: str) -> None:
        typer.echo(text, err=True)

    report = asyncio.run(measure_energy(BATTERIES[battery], Computing().with_factor(factor), say=say))
    if as_json:
        typer.echo(json.dumps(energy_as_dict(report)))
        return
    for line in energy_lines(report):
        typer.echo(line)


def main() -> None:
    """Entry point: a fault of the user, a device or a service is one line and exit 2."""
    try:
        run(app, "lyhord-rig")
    except* ServiceFailed as faults:
        for fault in faults.exceptions:
            print(f"lyhord-rig: {fault}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
