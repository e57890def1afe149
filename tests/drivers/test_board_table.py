"""docs/boards.md shows what the board files say, and the tests know every board."""

from tests.drivers import board_table
from tests.drivers.every_board import BOARDS


def test_the_page_shows_the_board_files():
    page = board_table.PAGE.read_text()
    assert page == board_table.with_table(page), "run: python -m tests.drivers.board_table"


def test_every_board_file_is_tested():
    assert {board.NAME for board in board_table.boards()} == {board.NAME for board in BOARDS}
