"""Fixtures of several of the tools' tests."""

import json
import os
import subprocess
import sys
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lyhord_rig.deadline import DEADLINE_S
from lyhord_tools.cli import main
from lyhord_tools.image.build import ImageReport, build_image
from lyhord_tools.image.tree import Tree, find_tree
from tests.tools.rom_loader import rom_loader

BOARD = "devkit_rfm95"


@dataclass(frozen=True)
class Ran:
    """The end of a command."""

    code: int
    out: str
    err: str

    def refused(self) -> str:
        """The one line of a command that ended with exit code 2; anything else fails the test."""
        assert self.code == 2, (self.out, self.err)
        assert self.err.startswith("lyhord: ") and self.err.count("\n") == 1, self.err
        assert "Traceback" not in self.err
        return self.err.strip()


def private(path: Path, text: str) -> Path:
    """A file for its owner only, as keys are kept."""
    path.touch(mode=0o600)
    path.write_text(text)
    return path


@pytest.fixture
def lyhord(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., Ran]:
    """Runs the `lyhord` command in this process. Where it names no fleet file, that is `fleet.jsonl` in the
    test's own folder, never the developer's."""
    monkeypatch.setenv("LYHORD_FLEET", str(tmp_path / "fleet.jsonl"))

    def run(*words: object) -> Ran:
        capsys.readouterr()
        try:
            main([str(word) for word in words])
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        else:
            code = 0
        shown = capsys.readouterr()
        return Ran(code, shown.out, shown.err)

    return run


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """The configuration of a real gateway that has the nodes 000001 and 000002."""
    config = tmp_path / "gateway.toml"
    config.write_text(f'[gateway]\nnumber = 1\nname = "g"\ndata_dir = "{tmp_path / "data"}"\n')
    lines = "".join(json.dumps({"id": f"00000{n}", "key": f"{n}{n}" * 16}) + "\n" for n in (1, 2))
    at_gateway(config, "nodes", "import", "-", given=lines)
    return config


def at_gateway(config: Path, *words: str, given: str = "") -> str:
    program = Path(sys.executable).parent / "lyhord-gateway"
    return subprocess.run(
        [program, *words, "--config", config],
        input=given,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    ).stdout


@pytest.fixture(scope="session")
def tree() -> Tree:
    """The repository's firmware."""
    return find_tree()


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> ImageReport:
    """The node's image."""
    return build_image("node", BOARD, tmp_path_factory.mktemp("image") / "node.img")


@pytest.fixture(scope="module")
def esp32(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Port of an ESP32's ROM loader."""
    with rom_loader(tmp_path_factory.mktemp("rom")) as port:
        yield port


@pytest.fixture
def silent_port() -> Iterator[str]:
    """A pty that nobody reads."""
    master, slave = os.openpty()
    try:
        tty.setraw(slave)
        yield os.ttyname(slave)
    finally:
        os.close(master)
        os.close(slave)
