"""`const` for the drivers' pure parts on CPython; a world, and boards in it that run a few lines."""

import pytest

from lyhord_rig import Board, World
from tests.fakes.board_image import write_image
from tests.fakes.names_of_micropython import install

install()


@pytest.fixture
async def world():
    async with World(seed=5, pace=None) as made:
        yield made


@pytest.fixture
def run(world, tmp_path):
    """await run(ports, main): the lines that `main` prints up to "done", on a board with these ports."""

    async def printed(ports, main):
        board = Board(world, "node", write_image(tmp_path / "node.img", main), tmp_path / "work", ports)
        board.power_on()
        match = await board.expect(rb"(?s).*?done\r\n", 600)
        return match[0].decode().split("\r\n")

    return printed
