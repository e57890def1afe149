"""The installer's commands against the bench, as a person would use them."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import BOARD, LYHORD, Bench

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def lyhord(bench: Bench) -> Iterator[Run]:
    """Runs a `lyhord` command on the bench's port and presses reset when it asks for that."""

    def run(command: str, *words: object) -> "subprocess.CompletedProcess[str]":
        arguments = tied(
            str(LYHORD), command, "--port", bench.port, "--timeout", str(DEADLINE_S), *map(str, words)
        )
        with subprocess.Popen(
            arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stderr is not None
            said = ""
            for line in process.stderr:
                said += line
                if "press the board's reset button" in line and bench.reset is not None:
                    bench.reset()
            out, _ = process.communicate(timeout=DEADLINE_S)
        return subprocess.CompletedProcess(arguments, process.returncode, out, said)

    yield run


def test_verify_asks_the_node_whether_its_code_is_what_was_flashed(lyhord: Run) -> None:
    done = lyhord("verify")
    assert done.returncode == 0, done.stderr
    assert "every file is as built" in done.stdout


def test_console_gives_scripts_the_answer(lyhord: Run) -> None:
    done = lyhord("console", "--command", "version", "--command", "get link")
    assert done.returncode == 0, done.stderr
    assert f"board: {BOARD}" in done.stdout.splitlines()
    assert any(line.startswith("link: ") for line in done.stdout.splitlines())


def test_provision_makes_a_node_somebody(lyhord: Run, tmp_path: Path) -> None:
    registry = tmp_path / "nodes.jsonl"
    words = ("--id", "b1a", "--name", "Åkergränd 3", "--set", "sample_period=60", "--stay")
    done = lyhord("provision", "--registry", registry, *words)
    assert done.returncode == 0, done.stderr
    entry = json.loads(registry.read_text())
    assert (entry["id"], entry["name"], entry["board"]) == ("000b1a", "Åkergränd 3", BOARD)
    assert registry.stat().st_mode & 0o777 == 0o600
    assert entry["key"] not in done.stdout + done.stderr
    told = lyhord("console", "--command", "status", "--command", "get sample_period")
    lines = told.stdout.splitlines()
    assert {"id: 000b1a", "generation: 0", "name: Åkergränd 3", "sample_period: 60 s"} <= set(lines)
    refused = lyhord("console", "--command", "set sample_period 9")
    assert refused.returncode == 2
    assert refused.stderr.splitlines()[-1].startswith(
        "lyhord: the node says: sample_period: expected 10...86400"
    )
