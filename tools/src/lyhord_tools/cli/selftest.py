"""`lyhord selftest`."""

from pathlib import Path
from typing import Annotated

import typer

from lyhord_tools import show
from lyhord_tools.cli.options import JsonOption, PortOption, TimeoutOption, ask_for_reset
from lyhord_tools.cli.progress import progress
from lyhord_tools.device import selftest as testing
from lyhord_tools.device.console import NodeConsole
from lyhord_tools.errors import ToolError
from lyhord_tools.papers.record import Verdict

commands = typer.Typer()


@commands.command()
def selftest(
    port: PortOption,
    link: Annotated[
        bool, typer.Option("--link/--no-link", help="A gateway must answer the node, or need not.")
    ] = True,
    technician: Annotated[str, typer.Option("--technician", metavar="NAME", help="For the record.")] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="The record, for `lyhord report`.")
    ] = None,
    timeout_s: TimeoutOption = 60.0,
    as_json: JsonOption = False,
) -> None:
    """Test a board: sensors, program, heap, clock, radio, and the way to a gateway."""
    with NodeConsole(port) as console, progress() as tell:
        console.enter(timeout_s, ask=ask_for_reset)
        record = testing.run(
            console, with_link=link, technician=technician, tell=lambda step: tell(f"testing: {step}")
        )
    text = show.as_json(record.told())
    if out is not None:
        try:
            out.write_text(text + "\n", encoding="utf-8")
        except OSError as fault:
            raise ToolError(f"cannot write {out}: {fault.strerror}") from fault
    typer.echo(text if as_json else "\n".join(show.selftest(record)))
    failed = [step.name for step in record.steps if step.verdict is Verdict.failed]
    if failed:
        raise ToolError(f"{port}: the self-test has failed: {', '.join(failed)}")
