"""A short run of the crash matrix; `make crash KILLS=200` is the long one."""

import random
from pathlib import Path

from tests.crash.matrix import run

KILLS = 8


async def test_sigkill_at_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1, 1 << 31)
    print(f"seed {seed}")
    totals = await run(tmp_path, KILLS, seed)
    print("\n".join(totals.lines()))
    assert totals.sound
    assert totals.kills == KILLS
    assert totals.acknowledged == totals.taken > 0
