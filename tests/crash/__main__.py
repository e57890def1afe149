"""`make crash KILLS=200 SEED=7`: the crash matrix at full length; ends with its totals, non-zero if anything
that was acknowledged is lost or doubled."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.crash.matrix import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make crash")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int)
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1, 1 << 31)
    print(f"seed {seed}, {asked.kills} kills", flush=True)
    start = time.monotonic()
    folder = tempfile.mkdtemp(prefix="lyhord-crash-")
    totals = asyncio.run(run(Path(folder), asked.kills, seed, lambda line: print(line, flush=True)))
    for line in totals.lines():
        print(line)
    print(f"{time.monotonic() - start:.0f} s; store and log are in {folder}")
    return 0 if totals.sound else 1


if __name__ == "__main__":
    sys.exit(main())
