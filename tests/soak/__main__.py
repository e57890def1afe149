"""`make soak DAYS=14 NODES=30 SEED=1`: ends with its totals, non-zero if anything is wrong.

The nodes live in districts out of each other's radio range, each with its own gateway, and each is a process
of its own: as many at a time as there are cores.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lyhord_rig.tied import tied
from tests.soak.plan import Plan
from tests.soak.run import run
from tests.soak.verdict import Verdict

_PER_DISTRICT = 15


def main() -> int:
    parser = argparse.ArgumentParser(prog="make soak")
    parser.add_argument("--days", type=float, default=14)
    parser.add_argument("--nodes", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sample-period", type=int, default=900)
    parser.add_argument("--report-period", type=int, default=3600)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--first", type=int, help=argparse.SUPPRESS)  # one district, as a process of its own
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="lyhord-soak-"))
    if asked.first is not None:
        plan = _plan(asked, asked.first, asked.nodes)
        verdict = asyncio.run(run(plan, folder, _say(f"district {asked.first}")))
        (folder / "verdict.json").write_text(json.dumps(verdict.as_dict()))
        return 0
    print(
        f"seed {asked.seed}: {asked.nodes} nodes, {asked.days:g} days, a sample in {asked.sample_period} s, "
        f"a report in {asked.report_period} s, 10 % of all receptions lost; files in {folder}",
        flush=True,
    )
    start = time.monotonic()
    verdict = _districts(asked, folder)
    for line in verdict.lines():
        print(line)
    print(f"{time.monotonic() - start:.0f} s for {asked.days:g} days of {asked.nodes} nodes")
    print("sound" if verdict.sound else "NOT SOUND")
    return 0 if verdict.sound else 1


def _plan(asked, first, nodes):
    return Plan(asked.days, nodes, asked.seed, asked.sample_period, asked.report_period, first=first)


def _say(who):
    return lambda text: print(f"{who}: {text}", flush=True)


def _districts(asked, folder):
    number = max(1, -(-asked.nodes // _PER_DISTRICT))
    sizes = [asked.nodes // number + (i < asked.nodes % number) for i in range(number)]
    whole, first, running = Verdict(), 1, []
    cores = sorted(os.sched_getaffinity(0))
    for i, size in enumerate(sizes):
        if len(running) == len(cores):
            _finish(running.pop(0), whole)
        place = folder / f"district-{first}"
        place.mkdir(parents=True, exist_ok=True)
        arguments = [f"--{name}={value}" for name, value in _options(asked, size, first, place)]
        # World and boards take turns: on one core they need no wake-up calls from one to another.
        process = subprocess.Popen(
            tied(sys.executable, "-m", "tests.soak", *arguments),
        )
        os.sched_setaffinity(process.pid, {cores[i % len(cores)]})
        running.append((process, place))
        first += size
    for district in running:
        _finish(district, whole)
    return whole


def _options(asked, size, first, place):
    yield from (("days", asked.days), ("nodes", size), ("seed", asked.seed), ("first", first))
    yield from (("sample-period", asked.sample_period), ("report-period", asked.report_period))
    yield "folder", place


def _finish(district, whole):
    process, place = district
    if process.wait():
        whole.wrong.append(f"{place.name} ended with exit code {process.returncode}")
    else:
        whole.add(Verdict.from_dict(json.loads((place / "verdict.json").read_text())))


if __name__ == "__main__":
    sys.exit(main())
