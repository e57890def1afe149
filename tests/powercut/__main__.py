"""`make powercut ROUNDS=2 SEED=7`: the power cut at every change of the flash; ends with its totals, non-zero
if anything that was kept is lost, a number comes twice or a start does not come up."""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from tests.powercut.matrix import run


def main() -> int:
    parser = argparse.ArgumentParser(prog="make powercut")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--rounds", type=int, default=2)
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1, 1 << 31)
    print(f"seed {seed}", flush=True)
    start = time.monotonic()
    folder = tempfile.mkdtemp(prefix="lyhord-powercut-")
    totals = asyncio.run(
        run(Path(folder), seed, rounds=asked.rounds, tell=lambda line: print(line, flush=True))
    )
    for line in totals.lines():
        print(line)
    print(f"{time.monotonic() - start:.0f} s; flash and console are in {folder}")
    return 1 if totals.faults else 0


if __name__ == "__main__":
    sys.exit(main())
