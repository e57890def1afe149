"""The installer's commands against the bench, as a person would use them."""

import json
import subprocess
import time
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
        if bench.reset is not None:
            bench.reset()  # as a person who knows the command does; else it asks after some seconds
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
    # Whoever was before: the bench's board is one for the whole suite.
    done = lyhord("provision", "--registry", registry, "--replace", "--discard-samples", *words)
    assert done.returncode == 0, done.stderr
    entry = json.loads(registry.read_text())
    assert (entry["id"], entry["name"], entry["board"]) == ("000b1a", "Åkergränd 3", BOARD)
    assert entry["state"] == "provisioned" and len(entry["mac"]) == 12
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


def test_a_provisioning_that_is_killed_is_finished_by_the_next(
    bench: Bench, lyhord: Run, tmp_path: Path
) -> None:
    """Killed once its line is in the fleet file: somewhere between the board's old life and its new one."""
    fleet = tmp_path / "nodes.jsonl"
    words = ("--fleet", str(fleet), "--replace", "--discard-samples", "--name", "Torget 1")
    with subprocess.Popen(
        tied(str(LYHORD), "provision", "--port", bench.port, *words), stderr=subprocess.DEVNULL
    ) as process:
        deadline = time.monotonic() + DEADLINE_S
        while not (fleet.exists() and '"pending"' in fleet.read_text()) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.kill()
    ((promised, state),) = ids_in(fleet)
    assert state == "pending"
    done = lyhord("provision", *words)
    assert done.returncode == 0, done.stderr
    now = settings_of(lyhord)
    assert (now["id"], now["name"], now["shelf"]) == (promised, "Torget 1", "yes")
    assert ids_in(fleet) == [(promised, "provisioned")]


def settings_of(lyhord: Run) -> dict[str, str]:
    """The lines of `status` and `get`."""
    told = lyhord("console", "--command", "status", "--command", "get")
    assert told.returncode == 0, told.stderr
    return dict(line.split(":", 1) for line in told.stdout.replace(": ", ":").splitlines() if ":" in line)


def ids_in(fleet: Path) -> list[tuple[str, str]]:
    lines = [json.loads(line) for line in fleet.read_text().splitlines()]
    return [(line["id"], line["state"]) for line in lines if "id" in line]


def test_a_node_in_service_is_refused_and_its_next_life_keeps_nothing_of_it(
    lyhord: Run, tmp_path: Path
) -> None:
    """A refusal leaves the node as it was, whoever refuses; a new identity has nothing of the old place."""
    fleet = tmp_path / "nodes.jsonl"
    words = ("provision", "--fleet", fleet)
    old = ("--id", "b1b", "--name", "Old place", "--set", "wifi_ssid=Kommun", "--set", "latitude=59.195")
    done = lyhord(*words, "--replace", "--discard-samples", *old, "--start")
    assert done.returncode == 0, done.stderr
    before = settings_of(lyhord)
    assert (before["id"], before["shelf"]) == ("000b1b", "no")
    done = lyhord(*words)
    assert done.returncode == 2 and "this board is node 000b1b already (Old place)" in done.stderr
    for wrong, says in (
        (("--set", "sample_period=60", "--set", "fooo=1"), "fooo: no such setting"),
        (("--set", "empty_distance=900", "--set", "full_distance=950"), "full_distance: expected less than"),
    ):
        done = lyhord(*words, "--replace", *wrong)
        assert done.returncode == 2 and says in done.stderr
    after = settings_of(lyhord)
    kept = ("id", "generation", "shelf", "name", "wifi_ssid", "latitude", "sample_period", "empty_distance")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert ids_in(fleet) == [("000b1b", "provisioned")]
    done = lyhord(*words, "--replace", "--discard-samples", "--set", "empty_distance=900")
    assert done.returncode == 0, done.stderr
    now = settings_of(lyhord)
    assert now["id"] not in ("none", "000b1b") and now["shelf"] == "yes"
    assert [now[key] for key in ("name", "wifi_ssid", "latitude")] == ["", "", ""]
    assert now["empty_distance"] == "900 mm"
    assert ids_in(fleet) == [("000b1b", "replaced"), (now["id"], "provisioned")]


def test_a_good_board_passes_its_self_test(lyhord: Run, tmp_path: Path) -> None:
    record = tmp_path / "record.json"
    # A bin that is deeper than the last life's: its echoes would be none.
    done = lyhord("console", "--command", "set empty_distance 0", "--command", "save")
    assert done.returncode == 0, done.stderr
    done = lyhord("selftest", "--no-link", "--out", record)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(record.read_text())
    assert (told["verdict"], told["device"]["board"]) == ("pass", BOARD)
    assert {step["name"] for step in told["steps"]} >= {
        "program",
        "distance",
        "temperature",
        "battery",
        "clock",
    }


def test_a_boards_settings_go_into_a_file_and_back(lyhord: Run, tmp_path: Path) -> None:
    done = lyhord("backup", tmp_path / "settings.json")
    assert done.returncode == 0, done.stderr
    done = lyhord("restore", tmp_path / "settings.json")
    assert done.returncode == 0, done.stderr
