"""The command line as a whole: whatever a person or a device does wrong is one line and exit code 2."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_gateway.cli import main
from lyhord_gateway.store.schema import open_store
from lyhord_rig.tied import tied
from tests.gateway.parts import PROGRAM

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text('[gateway]\nnumber = 1\ndata_dir = "data"\n')
    open_store(tmp_path / "data" / "lyhord.db").close()
    return path


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """A command in this process, its configuration added: exit code, standard output and error."""

    def command(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as end:
            main([*words, "--config", str(config)])
        out, err = capsys.readouterr()
        return end.value.code or 0, out, err  # type: ignore[return-value]

    return command


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (["nonsense"], "No such command 'nonsense'."),
        (["nodes", "nonsense"], "No such command 'nonsense'."),
        (["nodes", "show"], "Missing argument 'ID'."),
        (["nodes", "rotate", "000001"], "Missing option '--with-keys'."),
        (["check", "--loud"], "No such option: --loud"),
        (["queue", "cancel", "x"], "Invalid value for 'ORDER': "),
        (["queue", "cancel", "9" * 30], "Invalid value for 'ORDER': Input should be less than or equal to "),
        (["queue", "--node", "00ffff"], "00ffff: expected a node of the registry"),
        (["nodes", "add", "--with-keys", "k", "--name", "x" * 65], "--name: expected up to 64 characters"),
        (["restore", "nowhere.db"], "nowhere.db: cannot be restored (No such file or directory)"),
    ],
    ids=lambda value: "-".join(value)[:40] if isinstance(value, list) else "",
)
def test_wrong_usage_is_one_line(words: list[str], fault: str, run: Run) -> None:
    code, out, err = run(*words)
    assert (code, out) == (2, "")
    assert err.startswith(f"lyhord-gateway: {fault}") and err.count("\n") == 1


def test_without_a_command_it_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([])
    shown = capsys.readouterr().err
    assert end.value.code == 2
    assert shown.startswith("Usage: lyhord-gateway ") and "config-template" in shown


def test_a_bug_is_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> str:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("lyhord_gateway.cli.commands.template", broken)
    with pytest.raises(ZeroDivisionError):
        main(["config-template"])


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is Linux's")
def test_a_full_disk_behind_standard_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*PROGRAM, "config-template"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (
        2,
        "lyhord-gateway: standard output: No space left on device\n",
    )


def test_whoever_reads_no_more_ends_it_quietly() -> None:
    process = subprocess.Popen(
        tied(*PROGRAM, "config-template"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None and process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    process.wait()


def test_a_name_neither_breaks_a_line_nor_commands_the_terminal(run: Run, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    name = "a\x1b[31m\nb\udcff\x9b"
    assert run("nodes", "add", "--with-keys", str(keys), "--name", name)[0] == 0
    (tmp_path / "lines").write_text(json.dumps({"id": "000b02", "name": "c\x1b\rd", "board": "\x07"}))
    assert run("nodes", "import", str(tmp_path / "lines"))[0] == 0
    listed = json.loads(run("nodes", "--json")[1])
    assert [(node["name"], node["board"]) for node in listed] == [("a [31m b  ", None), ("c  d", " ")]
    table = run("nodes")[1]
    assert all(line.isprintable() for line in table.splitlines()) and table.count("\n") == 3


def test_every_line_that_a_key_file_got_can_be_imported(run: Run, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    assert run("nodes", "add", "--with-keys", str(keys), "--name", "å" * 64, "--profile", "building")[0] == 0
    assert run("nodes", "import", str(keys))[1] == "1 nodes imported\n"
