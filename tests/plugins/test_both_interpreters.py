"""The plugin itself: a test that fails, dies or hangs on MicroPython must not count as passed."""

import subprocess
import sys
from pathlib import Path

import pytest

from lyhord_rig.deadline import DEADLINE_S
from tests.plugins.both_interpreters import ROOT, BothModule, MicroPythonFile, MicroPythonItem, run_file

OUTCOMES = Path(__file__).with_name("outcomes.py")


def test_each_function_has_its_own_verdict():
    outcomes = run_file(OUTCOMES, ["passes", "fails", "exits", "passes"], heap="1m", deadline_s=20)
    assert {name: outcome.passed for name, outcome in outcomes.items()} == {
        "passes": True,
        "fails": False,
        "exits": False,
    }
    assert "AssertionError" in outcomes["fails"].output
    assert "outcomes.py" in outcomes["fails"].output
    assert "SystemExit" in outcomes["exits"].output


def test_the_heap_is_as_large_as_asked_for():
    small = run_file(OUTCOMES, ["needs_more_memory"], heap="128k", deadline_s=20)["needs_more_memory"]
    assert not small.passed
    assert "MemoryError" in small.output
    assert run_file(OUTCOMES, ["needs_more_memory"], heap="1m", deadline_s=20)["needs_more_memory"].passed


def test_a_process_that_hangs_is_killed_and_its_unfinished_tests_fail():
    outcomes = run_file(OUTCOMES, ["passes", "hangs", "never_reached"], heap="1m", deadline_s=1.5)
    assert [outcomes[name].passed for name in ("passes", "hangs", "never_reached")] == [True, False, False]
    assert "killed after 1.5 s" in outcomes["hangs"].output


def test_a_module_that_cannot_be_imported_fails_all_its_tests():
    missing = OUTCOMES.with_name("no_such_module.py")
    outcome = run_file(missing, ["passes"], heap="1m", deadline_s=20)["passes"]
    assert not outcome.passed
    assert "ImportError" in outcome.output
    assert "exit code 1" in outcome.output


@pytest.fixture
def scratch(request, tmp_path):
    """Writes a test file and gives what the plugin collects from it."""

    def collect(kind, name, text):
        path = tmp_path / name
        path.write_text(text)
        return list(kind.from_parent(request.session, path=path).collect())

    return collect


def test_collection_gives_each_function_once_per_interpreter_and_heap(scratch):
    items = scratch(
        BothModule,
        "test_scratch_both.py",
        'MICROPYTHON_HEAPS = ("1m", "128k")\nMICROPYTHON_DEADLINE_S = 5\ndef test_one():\n    pass\n',
    )
    assert [item.name for item in items] == [
        "test_one[cpython]",
        "test_one[micropython]",
        "test_one[micropython-128k]",
    ]
    on_micropython = [item for item in items if isinstance(item, MicroPythonItem)]
    assert [(item.heap, item.deadline_s) for item in on_micropython] == [("1m", 5), ("128k", 5)]


def test_a_micropython_file_is_never_imported_by_cpython(scratch):
    items = scratch(
        MicroPythonFile, "test_scratch_micropython.py", "import no_such_module\ndef test_one():\n    pass\n"
    )
    assert [item.name for item in items] == ["test_one[micropython]"]


def test_a_function_with_arguments_is_refused(scratch):
    with pytest.raises(pytest.Collector.CollectError, match="test_one takes arguments"):
        scratch(MicroPythonFile, "test_scratch_micropython.py", "def test_one(tmp_path):\n    pass\n")


def test_one_test_can_be_chosen_by_name():
    chosen = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-k",
            "edges_of_the_window and not cpython",
            "tests/wire",
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    ).stdout.splitlines()
    assert [line for line in chosen if "::" in line] == [
        "tests/wire/test_replay_both.py::test_the_edges_of_the_window[micropython]"
    ]
