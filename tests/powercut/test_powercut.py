"""A short run of the power cuts; `make powercut` cuts at every change."""

import random
from pathlib import Path

import pytest

from tests.powercut.matrix import KINDS, run

pytestmark = pytest.mark.slow

EVERY = 13


async def test_power_cuts_at_changes_of_the_flash_lose_nothing_and_repeat_no_number(tmp_path: Path) -> None:
    seed = random.SystemRandom().randrange(1, 1 << 31)
    print(f"seed {seed}")
    totals = await run(tmp_path, seed, EVERY)
    print("\n".join(totals.lines()))
    assert totals.faults == []
    assert set(totals.cuts) == {kind.__name__ for kind in KINDS}
    assert totals.kept > totals.cuts.total()
