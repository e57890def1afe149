"""Fixtures of the rig's tests: a world at full speed, and boards in it."""

import pytest

from lyhord_rig import World
from tests.rig.snippet import make_board


@pytest.fixture
async def world():
    async with World(seed=7, pace=None) as made:
        yield made


@pytest.fixture
def boot(world, tmp_path):
    """boot(main, ports=None, …): a board that has just been powered on; see `make_board`."""

    def powered(main, ports=None, **options):
        board = make_board(world, tmp_path, main, ports, **options)
        board.power_on()
        return board

    return powered
