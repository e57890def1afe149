"""`lyhord --version`: its own, and what it would flash."""

from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from lyhord_tools.image.tree import find_tree
from tests.house.sources import ROOT
from tests.tools.conftest import Ran


def test_it_tells_what_it_would_flash(lyhord: Callable[..., Ran]) -> None:
    ran = lyhord("--version")
    own, firmware, micropython, *boards = ran.out.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert own == f"lyhord {metadata.version('lyhord-tools')}"
    assert (
        firmware == f"firmware: {(ROOT / 'firmware' / 'VERSION').read_text().strip()} in {find_tree().root}"
    )
    assert micropython == "MicroPython: 1.28 or newer"
    tree = find_tree()
    told = {line for part in " ".join(boards).removeprefix("boards: ").split(", ") if (line := part.strip())}
    assert {" ".join(one.split()) for one in told} == {
        f"{name} ({tree.layout(name).chip})" for name in tree.boards()
    }
    assert max(map(len, boards)) <= 80


@pytest.mark.parametrize("version", [None, "9.8.7"])
def test_other_sources_are_named(
    version: str | None, lyhord: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "wire").mkdir()
    if version is not None:
        (tmp_path / "VERSION").write_text(f"{version}\n")
    monkeypatch.setenv("LYHORD_FIRMWARE", str(tmp_path))
    ran = lyhord("--version")
    assert ran.code == 0
    expected = "flashes nothing: no version in" if version is None else f"firmware: {version} in {tmp_path}"
    assert ran.out.splitlines()[1].startswith(expected)


def test_its_own_version_is_told_without_any_sources(
    lyhord: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LYHORD_FIRMWARE", str(tmp_path / "gone"))
    own, other = lyhord("--version").out.splitlines()
    assert own == f"lyhord {metadata.version('lyhord-tools')}"
    assert other == f"flashes nothing: no firmware sources in {tmp_path / 'gone'} (LYHORD_FIRMWARE)"
