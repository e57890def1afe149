"""The command line: help for everything, faults as one line, bugs as tracebacks."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from lyhord_rig.deadline import DEADLINE_S
from lyhord_tools import cli
from lyhord_tools.image.tree import Tree
from tests.house.sources import ROOT
from tests.tools.conftest import BOARD, Ran

LYHORD = Path(sys.executable).parent / "lyhord"


def below(group: object, name: str = "") -> dict[str, object]:
    """Every command that is no group, by the words that call it."""
    found = {}
    for word, command in group.commands.items():  # type: ignore[attr-defined]
        whole = f"{name} {word}".strip()
        found |= below(command, whole) if hasattr(command, "commands") else {whole: command}
    return found


EVERY = below(typer.main.get_command(cli.app))
COMMANDS = sorted(EVERY)


def test_the_readme_names_every_command_and_no_other() -> None:
    lines = (ROOT / "README.md").read_text().splitlines()
    named = [line.split("`")[1] for line in lines if line.startswith("| `lyhord ")]
    assert sorted(named) == [f"lyhord {command}" for command in COMMANDS]
    assert {"build", "flash", "provision", "fleet list", "forget-keys", "verify"} <= {*COMMANDS}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_help_within_80_columns(
    command: str, lyhord: Callable[..., Ran]
) -> None:
    shown = lyhord(*command.split(), "--help").out
    assert shown.startswith(f"Usage: lyhord {command} ")
    assert all(len(line) <= 80 for line in shown.splitlines())
    for parameter in EVERY[command].params:  # type: ignore[attr-defined]
        assert getattr(parameter, "help", None), parameter.name


def test_the_installed_command_ends_with_one_line_and_2() -> None:
    done = subprocess.run(
        [LYHORD, "decode", "ffff"], capture_output=True, text=True, timeout=DEADLINE_S, check=False
    )
    assert done.returncode == 2
    assert done.stderr == "lyhord: refused (not_ours): byte 0 is ff, expected e0\n"


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("decode",), "expected a frame, or --file"),
        (("nonsense",), "No such command 'nonsense'."),
        (("flash",), "Missing option '--port'"),
        (("flash", "--port", "x", "--micropython", "y", "--baud", "0"), "Invalid value for '--baud': "),
        (("build", "--app", "x"), "Invalid value for '--app': "),
        (("decode", "åäö"), "the frame is neither hex nor base64"),
        (("provision", "--port", "x", "--profile", "tram"), "--profile: expected bin or building"),
        (("provision", "--port", "x", "--name", "å" * 13), "the name has more than 24 bytes"),
    ],
    ids=lambda value: "-".join(value)[:30] if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_one_line(words: tuple[str, ...], fault: str, lyhord: Callable[..., Ran]) -> None:
    assert lyhord(*words).refused().startswith(f"lyhord: {fault}")


def test_without_a_command_it_shows_what_there_is(lyhord: Callable[..., Ran]) -> None:
    ran = lyhord()
    assert ran.code == 2
    assert ran.err.startswith("Usage: lyhord ") and "provision" in ran.err


def test_an_image_goes_into_a_file_and_nowhere_else(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").touch()
    for name in (".", "pipe"):
        assert "expected the name of a file" in lyhord("build", "--out", tmp_path / name).refused()
    assert (tmp_path / "pipe").is_fifo(), "as root, a device would have become a file"
    assert "cannot write" in lyhord("build", "--out", tmp_path / "file" / "x").refused()


def test_a_bug_is_a_traceback(monkeypatch: pytest.MonkeyPatch, lyhord: Callable[..., Ran]) -> None:
    def broken(*_: object) -> bytes:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("lyhord_tools.decode.frame_bytes", broken)
    with pytest.raises(ZeroDivisionError):
        lyhord("decode", "e0")


def test_build_writes_the_image_and_shows_bytes_per_module(
    lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    out = tmp_path / "deep" / "node.img"
    ran = lyhord("build", "--app", "node", "--board", BOARD, "-o", out)
    assert ran.code == 0, ran.err
    lines = ran.out.splitlines()
    assert all(len(line) <= 80 for line in lines[:-1])
    assert lines[-1].startswith(f"{out}: node ")
    rows = {line.split()[0]: line.split()[1:] for line in lines[:-1] if line.startswith("/")}
    assert "/lib/lyhord_wire/frame.mpy" in rows and "/main.py" in rows
    total = next(line.split() for line in lines if line.startswith("total"))
    assert int(total[2]) == sum(int(stored) for _, stored in rows.values())
    assert out.stat().st_size == 2097152


def test_size_leaves_no_file_and_json_says_the_same(
    lyhord: Callable[..., Ran], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    told = json.loads(lyhord("build", "--app", "bridge", "--size", "--json").out)
    assert list(tmp_path.iterdir()) == []
    assert (told["app"], told["board"], told["size"]) == ("bridge", BOARD, 2097152)
    assert told["stored"] == sum(file["stored"] for file in told["files"]) <= told["used"]


def test_an_unknown_board_is_one_line(lyhord: Callable[..., Ran], tree: Tree) -> None:
    assert f"no board 'x'; there are: {', '.join(tree.boards())}" in lyhord("build", "--board", "x").refused()
