"""Two emulated SX1262, one metre apart; `a` is what most tests need of them."""

import pytest

from tests.rig.radio.sx1262.host import Pair


@pytest.fixture
def pair():
    return Pair()


@pytest.fixture
def a(pair):
    return pair.a
