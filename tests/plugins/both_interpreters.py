"""pytest plugin: one test source, run by CPython and by the real MicroPython interpreter.

- `test_*_both.py`: every `test_*` function is collected twice, as `[cpython]` and as `[micropython]`.
- `test_*_micropython.py`: only `[micropython]`; CPython never imports the file.

Such a file holds plain `test_*` functions without arguments and plain asserts, in MicroPython's subset of
the language (no fixtures, no pytest). All MicroPython tests of a file run in one process that has the
repository's root and the firmware folders on its path, so `tests.…`, `lyhord_wire`, `lyhord_node`, `drivers`
are imported as elsewhere. Two constants of the file, plain literals, change how that process runs:

    MICROPYTHON_HEAPS = ("1m", "128k")   one run per heap size; the default is one run with "1m"
    MICROPYTHON_DEADLINE_S = 360         the process is killed after this time; tests not finished fail

The session ends with one line: how many tests ran on which interpreter.
"""

import ast
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied

ROOT = Path(__file__).parents[2]
FIRMWARE_PATH = ("firmware/wire", "firmware/node", "firmware/bridge", "firmware")
RUNNER = Path(__file__).with_name("run_on_micropython.py")
INTERPRETER = Path(sys.executable).with_name("micropython")

DEFAULT_HEAPS = ("1m",)
DEFAULT_DEADLINE_S = 3 * DEADLINE_S  # all tests of a file


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one test function: `output` is what it printed, a failure's traceback at the end."""

    passed: bool
    output: str


class MicroPythonFailed(Exception):
    """A test function failed on MicroPython; the argument is what to show."""


class MicroPythonItem(pytest.Item):
    """One test function of a file, with one heap size, on MicroPython."""

    def __init__(self, *, function: str, line: int, heap: str, deadline_s: float, **keywords) -> None:
        super().__init__(**keywords)
        self.function_name = function
        self.line = line
        self.heap = heap
        self.deadline_s = deadline_s
        self.funcargs: dict[str, object] = {}  # pytest-embedded looks into it, whatever the item
        self.user_properties.append(("interpreter", "micropython"))

    def runtest(self) -> None:
        outcome = self.config.stash[_RUNS].outcome(self)
        if not outcome.passed:
            *_, reason = outcome.output.splitlines()
            raise MicroPythonFailed(f"{reason}\n\n{outcome.output}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style=None):
        if isinstance(excinfo.value, MicroPythonFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.line - 1, self.name


class BothModule(pytest.Module):
    """A `test_*_both.py` file: CPython's functions, then MicroPython's."""

    def collect(self):
        yield from super().collect()
        yield from micropython_items(self)


class MicroPythonFile(pytest.File):
    """A `test_*_micropython.py` file."""

    def collect(self):
        return micropython_items(self)


def micropython_items(parent: pytest.File) -> Iterator[MicroPythonItem]:
    """The MicroPython tests of a file, read from its syntax tree (CPython may be unable to import it)."""
    tree = ast.parse(parent.path.read_text(encoding="utf-8"), str(parent.path))
    heaps, deadline_s = DEFAULT_HEAPS, float(DEFAULT_DEADLINE_S)
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if node.targets[0].id == "MICROPYTHON_HEAPS":
                heaps = ast.literal_eval(node.value)
            elif node.targets[0].id == "MICROPYTHON_DEADLINE_S":
                deadline_s = float(ast.literal_eval(node.value))
    for heap in heaps:
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test"):
                continue
            if ast.unparse(node.args):
                raise pytest.Collector.CollectError(f"{node.name} takes arguments (line {node.lineno})")
            variant = "micropython" if heap == heaps[0] else f"micropython-{heap}"
            yield MicroPythonItem.from_parent(
                parent,
                name=f"{node.name}[{variant}]",
                function=node.name,
                line=node.lineno,
                heap=heap,
                deadline_s=deadline_s,
            )


class Runs:
    """A session's MicroPython processes: one per file and heap size, started by the first test of them."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[Path, str], dict[str, Outcome]] = {}

    def outcome(self, item: MicroPythonItem) -> Outcome:
        key = item.path, item.heap
        if key not in self._outcomes:
            names = [
                other.function_name
                for other in item.session.items
                if isinstance(other, MicroPythonItem) and (other.path, other.heap) == key
            ]
            self._outcomes[key] = run_file(item.path, names, item.heap, item.deadline_s)
        return self._outcomes[key][item.function_name]


def run_file(path: Path, names: list[str], heap: str, deadline_s: float) -> dict[str, Outcome]:
    """Runs functions of the test file `path` in one MicroPython process; every name has an outcome."""
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    mark = f"::{secrets.token_hex(4)}::"  # nothing a test prints can be taken for a verdict
    search_path = [*(str(ROOT / folder) for folder in FIRMWARE_PATH), str(ROOT), ".frozen"]
    try:
        process = subprocess.run(
            tied(str(INTERPRETER), "-X", f"heapsize={heap}", str(RUNNER), mark, module, *names),
            env={**os.environ, "MICROPYPATH": ":".join(search_path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=deadline_s,
            check=False,
        )
        printed, end = process.stdout, f"MicroPython ended with exit code {process.returncode}"
    except subprocess.TimeoutExpired as late:
        printed, end = late.stdout or b"", f"MicroPython was killed after {deadline_s:g} s"
    except FileNotFoundError:
        printed, end = b"", f"there is no MicroPython interpreter at {INTERPRETER}"
    return read_outcomes(printed.decode(errors="replace"), mark, names, end)


def read_outcomes(printed: str, mark: str, names: list[str], end: str) -> dict[str, Outcome]:
    """The runner's output as outcomes; a name without a verdict failed: `end` says how the process ended."""
    outcomes: dict[str, Outcome] = {}
    output: list[str] = []
    for line in printed.splitlines():
        if not line.startswith(mark):
            output.append(line)
            continue
        _, word, name = line.split()
        if word != "BEGIN":
            outcomes[name] = Outcome(word == "PASS", "\n".join(output))
        output = []
    lost = Outcome(False, "\n".join([*output, end]))
    return {name: outcomes.get(name, lost) for name in names}


class Counts:
    """The number of tests that ran on each interpreter; skipped ones did not run."""

    def __init__(self) -> None:
        self.ran = {"cpython": 0, "micropython": 0}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" and not report.skipped:
            self.ran[str(dict(report.user_properties).get("interpreter", "cpython"))] += 1

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        terminalreporter.write_line(
            f"{self.ran['cpython']} tests ran on CPython, {self.ran['micropython']} on MicroPython"
        )


_RUNS = pytest.StashKey[Runs]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_RUNS] = Runs()
    config.pluginmanager.register(Counts(), "interpreter-counts")


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector):
    if module_path.name.endswith("_both.py"):
        return BothModule.from_parent(parent, path=module_path)
    if module_path.name.endswith("_micropython.py"):
        return MicroPythonFile.from_parent(parent, path=module_path)
    return None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if metafunc.definition.path.name.endswith("_both.py"):
        metafunc.fixturenames.append("interpreter")  # nothing but the id; the functions take no arguments
        metafunc.parametrize("interpreter", ["cpython"])
