"""`make bench RUNS=3 SCALE=1`: speed, memory and latency of a real gateway between real brokers.

Absolute numbers are this machine's; the ratios to the building blocks and to the peer travel.
"""

import argparse
import asyncio
import json
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.bench.bench import SCENES, Report, run


def machine() -> str:
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    # Which build it is matters by a fifth: docs/decisions/speed.md.
    python = f"Python {platform.python_version()} of {Path(sys.executable).resolve().parent}"
    return f"{len(os.sched_getaffinity(0))} cores, {model}, {python}, {platform.system()}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--runs", type=int, default=3, help="rounds of each scenario; medians are shown")
    parser.add_argument("--scale", type=float, default=1.0, help="size of each scenario; 0.01 is a try")
    parser.add_argument("--only", choices=SCENES, action="append", help="leave the other scenarios out")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of the table")
    asked = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="lyhord-bench-"))
    say: Callable[[str], None] = (lambda _: None) if asked.json else (lambda line: print(line, flush=True))
    say(f"{machine()}; {asked.runs} runs")
    try:
        report: Report = asyncio.run(run(folder, asked.only or SCENES, asked.runs, asked.scale, say))
    finally:
        shutil.rmtree(folder)
    if asked.json:
        print(json.dumps({"machine": machine(), "runs": asked.runs, **report.json()}, indent=1))
    else:
        for line in report.comparison():
            print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
