"""Two emulated SX1276, one metre apart."""

import pytest

from tests.rig.radio.sx1276.host import Pair


@pytest.fixture
def pair():
    return Pair()
