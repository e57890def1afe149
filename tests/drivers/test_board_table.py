"""The tests know every board, as the page does (tests/house/test_generated.py)."""

from docs.generate import boards
from tests.drivers.every_board import BOARDS


def test_every_board_file_is_tested():
    assert {board.NAME for board in boards.boards()} == {board.NAME for board in BOARDS}
