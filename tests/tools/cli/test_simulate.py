"""`lyhord simulate` where the rig is missing, or fails; with the rig: tests/rig/bench."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.tools.conftest import Ran


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder in which programs are found."""
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("words", [("boards", "box"), ("street",)])
def test_a_missing_rig_is_one_line_with_what_to_install(
    words: tuple[str, ...], elsewhere: Path, lyhord: Callable[..., Ran]
) -> None:
    line = lyhord("simulate", *words).refused()
    assert line == "lyhord: the virtual boards are not installed here: pip install lyhord-rig"


def test_a_rig_that_fails_is_one_line(elsewhere: Path, lyhord: Callable[..., Ran]) -> None:
    rig = elsewhere / "lyhord-rig"
    rig.write_text("#!/bin/sh\nexit 3\n")
    rig.chmod(0o700)
    assert lyhord("simulate", "street").refused() == "lyhord: the rig ended with 3"
