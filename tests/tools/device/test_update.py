"""A new application over the cable: all that the node has kept is there afterwards, pulled cable or not."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_rig.bench.box import WholeBoard
from lyhord_rig.bench.micropython_file import micropython_file
from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied
from tests.house.sources import ROOT
from tests.tools.conftest import Ran


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """The firmware's sources, one version on."""
    tree = tmp_path / "firmware"
    shutil.copytree(ROOT / "firmware", tree, ignore=shutil.ignore_patterns("__pycache__"))
    if (ROOT / ".cache").exists():
        shutil.copytree(ROOT / ".cache", tmp_path / ".cache")
    (tree / "VERSION").write_text("9.8.7\n")
    return tree


def in_service(lyhord: Callable[..., Ran], board: WholeBoard, folder: Path) -> dict[str, str]:
    """A node with two samples that nobody has got; its status."""
    firmware = folder / "micropython.bin"
    firmware.write_bytes(micropython_file())
    assert lyhord("flash", "--port", board.port, "--micropython", firmware).code == 0
    words = ("--fleet", folder / "nodes.jsonl", "--name", "Åkergränd 3", "--set", "empty_distance=1234")
    assert lyhord("provision", "--port", board.port, *words, "--start").code == 0
    asked = lyhord("console", "--port", board.port, "-c", "sample", "-c", "sample", "-c", "status")
    return told(asked)


def told(ran: Ran) -> dict[str, str]:
    assert ran.code == 0, ran.err
    return dict(line.split(": ", 1) for line in ran.out.splitlines() if ": " in line)


KEPT = ("id", "generation", "name", "kept", "next_sample", "shelf")


def test_everything_that_was_kept_is_there_after_an_update(
    lyhord: Callable[..., Ran], newer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WholeBoard(tmp_path, "one") as board:
        before = in_service(lyhord, board, tmp_path)
        assert int(before["kept"]) >= 2
        monkeypatch.setenv("LYHORD_FIRMWARE", str(newer))
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
        ran = lyhord("flash", "--keep", "--port", board.port)
        assert ran.code == 0 and "node 9.8.7 on devkit_rfm95 answers" in ran.out, ran.err
        asked = ("-c", "version", "-c", "status", "-c", "get empty_distance", "-c", "verify")
        after = told(lyhord("console", "--port", board.port, *asked))
        assert after["version"] == "9.8.7" and after["empty_distance"] == "1234 mm"
        assert {name: after[name] for name in KEPT} == {name: before[name] for name in KEPT}
        (copies,) = (tmp_path / "state").iterdir()
        assert not list(copies.iterdir()), "the copy holds the node's samples; it goes"


@pytest.mark.slow
def test_a_cable_that_comes_off_costs_nothing(
    lyhord: Callable[..., Ran], newer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with WholeBoard(tmp_path, "one") as board:
        before = in_service(lyhord, board, tmp_path)
        board.pull()
        board.plug()  # `writes` begins anew
        monkeypatch.setenv("LYHORD_FIRMWARE", str(newer))
        program = str(Path(sys.executable).parent / "lyhord")
        words = ["update", "--port", board.port, "--backups", str(tmp_path / "copies")]
        with subprocess.Popen(tied(program, *words), stderr=subprocess.PIPE, text=True) as process:
            board.await_writes()
            board.pull()
            _, said = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 2 and "half written: give the same command again" in said
        (copy,) = (tmp_path / "copies").iterdir()
        assert copy.stat().st_mode & 0o777 == 0o600
        # What is half written: nothing that starts.
        vfs = board.folder / "vfs.bin"
        vfs.write_bytes(b"\xff" * 4096 * 64 + vfs.read_bytes()[4096 * 64 :])
        board.plug()
        ran = lyhord(*words)
        assert ran.code == 0 and "an update that had broken off is finished" in ran.out, ran.err
        after = told(lyhord("console", "--port", board.port, "-c", "version", "-c", "status"))
        assert after["version"] == "9.8.7"
        assert {name: after[name] for name in KEPT} == {name: before[name] for name in KEPT}
        assert not list((tmp_path / "copies").iterdir())


def test_a_board_without_a_node_is_left_as_it_is(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    with WholeBoard(tmp_path, "one") as board:
        said = lyhord("update", "--port", board.port, "--backups", tmp_path / "copies").refused()
        assert "holds no node's file system to be kept; lyhord flash writes all of it" in said
        assert not board.flash().strip(b"\xff") and not list((tmp_path / "copies").iterdir())
