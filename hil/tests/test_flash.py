"""The flash holds what `lyhord flash` wrote."""

import pytest
from conftest import Flashed


def test_micropython_and_image_read_back_equal(flashed: Flashed | None) -> None:
    if flashed is None:
        pytest.skip("the board is taken as it is: give --micropython FILE to flash it")
    assert "verified" in flashed.said
    assert flashed.micropython_read == flashed.micropython
    assert flashed.vfs_read == flashed.image
