"""Short runs of the crash matrix; `make crash` has the long ones."""

import random
from pathlib import Path

import pytest

from tests.crash import damaged, full, kills, outage, unplugged
from tests.crash.stage import Totals

pytestmark = pytest.mark.slow

KILLS = 8


def seeded() -> int:
    seed = random.SystemRandom().randrange(1, 1 << 31)
    print(f"seed {seed}")
    return seed


def verdict(totals: Totals) -> None:
    print("\n".join(totals.lines()))
    assert totals.sound
    assert totals.acknowledged == totals.taken > 0


async def test_sigkill_at_random_moments_loses_and_doubles_nothing(tmp_path: Path) -> None:
    verdict(await kills.run(tmp_path, KILLS, seeded()))


@pytest.mark.parametrize("kind", ["file system", "limit"])
async def test_a_full_disk_loses_and_doubles_nothing(kind: str, tmp_path: Path) -> None:
    with full.mounted(tmp_path / "disk") as may:
        if kind == "limit":
            verdict(await full.play(tmp_path, 1, seeded(), full.Limit()))
        elif may:
            verdict(await full.play(tmp_path, 1, seeded(), full.FileSystem(tmp_path / "disk")))
        else:
            pytest.skip("this user may not mount a file system")


async def test_a_platform_that_is_away_for_long_gets_all_of_it_once(tmp_path: Path) -> None:
    verdict(await outage.run(tmp_path, 600, seeded()))


async def test_a_damaged_store_loses_and_doubles_nothing_that_can_be_read(tmp_path: Path) -> None:
    verdict(await damaged.run(tmp_path, 3, seeded()))


async def test_an_unplugged_bridge_loses_and_doubles_nothing(tmp_path: Path) -> None:
    verdict(await unplugged.run(tmp_path, 1, seeded()))
