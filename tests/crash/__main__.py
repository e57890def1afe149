"""`make crash KILLS=200 SEED=7`: the crash matrix at full length; ends with its totals, non-zero if anything
that was acknowledged is lost or doubled."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path

from tests.crash import damaged, full, kills, outage, unplugged
from tests.crash.stage import Totals

Play = Callable[[Path, int, int, Callable[[str], None]], Coroutine[None, None, Totals]]


def stories(kill_times: int) -> dict[str, tuple[Play, int]]:
    """Name → the story and how long it is."""
    return {
        "kills": (kills.run, kill_times),
        "outage": (outage.run, outage.FRAMES),
        "full": (full.run, 10),
        "damaged": (damaged.run, 24),
        "unplugged": (unplugged.run, 10),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="make crash")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--only", choices=stories(0), help="one of the stories")
    parser.add_argument("--seed", type=int)
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1, 1 << 31)
    print(f"seed {seed}", flush=True)
    lines: list[str] = []
    sound = True
    for name, (play, length) in stories(asked.kills).items():
        if asked.only not in (None, name):
            continue
        start = time.monotonic()
        folder = Path(tempfile.mkdtemp(prefix=f"lyhord-crash-{name}-"))
        print(f"{name}: in {folder}", flush=True)
        totals = asyncio.run(play(folder, length, seed, partial(print, flush=True)))
        sound = sound and totals.sound
        told, *rest = totals.lines()
        lines += [f"{name} ({time.monotonic() - start:.0f} s): {told}", *(f"  {line}" for line in rest)]
    print("\n".join(lines))
    print("all acknowledged samples are at the platform, each once" if sound else "NOT SOUND, see above")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
