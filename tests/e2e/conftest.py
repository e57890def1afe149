"""End-to-end scenarios on a virtual street; every random choice follows from one printed seed."""

import os
import random

import pytest

SEED = int(os.environ.get("SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)


@pytest.fixture
def seed(request):
    """This session's seed; SEED=… in the environment repeats a run."""
    print(f"SEED={SEED}")
    return SEED


@pytest.fixture
def street_dir(tmp_path):
    """Images, logs and store of the street; kept by pytest when the test fails."""
    return tmp_path / "street"
