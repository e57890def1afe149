"""`make fuzz SECONDS=60`: every target for its share of the time, then a table; fails on any find."""

import argparse
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from lyhord_rig.tied import tied
from tests.fuzz.targets import TARGETS

_FOLDER = Path("build/fuzz")
_START_S = 60  # a target may take that much longer than its share: it starts, and tries its whole corpus
_FINDS = ("crash-*", "timeout-*", "oom-*")


@dataclass(frozen=True, slots=True)
class Outcome:
    """inputs: how many were tried; features: what libFuzzer counts as different behaviour; find: the file
    with the input that broke something; cause: one line."""

    inputs: int
    features: int
    find: Path | None
    cause: str


def run(name: str, seconds: int, folder: Path) -> Outcome:
    folder.mkdir(parents=True, exist_ok=True)
    before = _finds(folder)
    process = subprocess.run(
        tied(sys.executable, "-m", "tests.fuzz.one", name, str(seconds), str(folder)),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=seconds + _START_S,
        check=False,
    )
    said = process.stdout.decode(errors="replace")
    (folder / "log").write_text(said)
    inputs = re.findall(r"number_of_executed_units: (\d+)", said) or re.findall(r"^#(\d+)", said, re.M)
    coverage = re.findall(r"\bft: (\d+)", said)
    find = next(iter(sorted(_finds(folder) - before)), None)
    if process.returncode and find is None:
        find = folder / "log"  # it did not even start
    tried, features = (int(found[-1]) if found else 0 for found in (inputs, coverage))
    return Outcome(tried, features, find, _cause(said) if find else "")


def _finds(folder: Path) -> set[Path]:
    return {path for pattern in _FINDS for path in folder.glob(pattern)}


def _cause(said: str) -> str:
    """The exception and where it was raised, or libFuzzer's own summary, in one line."""
    uncaught = re.search(r"Uncaught Python exception: ===\n(.*)", said)
    if uncaught is None:
        summary = re.search(r"^(?:SUMMARY: |ERROR: )(.*)", said, re.M)
        return summary[0] if summary else " ".join(said[-200:].split())
    where = re.findall(r'File "[^"]*?([^"/]+)", line (\d+)', said[uncaught.end() :])
    return uncaught[1] + (f" ({where[-1][0]}:{where[-1][1]})" if where else "")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all if none")
    asked = parser.parse_args()
    if unknown := set(asked.targets) - set(TARGETS):
        parser.error(f"expected targets of {', '.join(TARGETS)}, not {', '.join(sorted(unknown))}")
    names = asked.targets or list(TARGETS)
    seconds = max(1, asked.seconds // len(names))
    console = Console()
    table = Table("target", "inputs", "features", "seconds", "found")
    outcomes: list[Outcome] = []
    columns = TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True) as progress:
        bar = progress.add_task("", total=len(names))
        for name in names:
            progress.update(bar, description=name)
            start_s = time.monotonic()
            outcome = run(name, seconds, _FOLDER / name)
            outcomes.append(outcome)
            took = f"{time.monotonic() - start_s:.0f}"
            found = outcome.find.name if outcome.find else "nothing"
            table.add_row(name, str(outcome.inputs), str(outcome.features), took, found)
            progress.advance(bar)
    console.print(table)
    broken = [(name, o) for name, o in zip(names, outcomes, strict=True) if o.find]
    for name, outcome in broken:
        print(f"fuzz: {name}: {outcome.cause}; the input is in {outcome.find}")
    inputs = sum(outcome.inputs for outcome in outcomes)
    print(f"fuzz: {len(names)} targets, {inputs} inputs, {len(broken)} finds")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
