"""A run that is killed leaves no process behind: whoever starts one has it tied to its own life."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.sources import ROOT, python_files

# These return while the process runs. `subprocess.run` and its kind wait for it.
STARTS = {"Popen", "create_subprocess_exec", "create_subprocess_shell", "spawn", "forkpty"}
WHERE = ("tests", "hil")


def starts_that_are_not_tied(tree: ast.AST) -> Iterator[int]:
    """Lines of the functions that start a process and do not call `tied`; 0 is the module itself."""
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    calls: dict[int, set[str]] = {}

    def look(node: ast.AST, line: int) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Call):
                name = child.func
                called = name.attr if isinstance(name, ast.Attribute) else getattr(name, "id", "")
                calls.setdefault(line, set()).add(called)
            look(child, child.lineno if isinstance(child, functions) else line)

    look(tree, 0)
    return (line for line, called in calls.items() if called & STARTS and "tied" not in called)


@pytest.mark.parametrize("folder", WHERE)
def test_every_process_ends_with_the_one_that_started_it(folder: str) -> None:
    loose = [
        f"{path.relative_to(ROOT)}:{line}"
        for path in python_files(folder)
        for line in starts_that_are_not_tied(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert not loose, "lyhord_rig.tied.tied makes an argument list that does"


@pytest.mark.parametrize(
    ("text", "loose"),
    [
        ("def f():\n    subprocess.Popen(['x'])", [1]),
        ("async def f():\n    await asyncio.create_subprocess_exec('x')", [1]),
        ("subprocess.Popen(['x'])", [0]),
        ("def f():\n    a = tied('x')\n    subprocess.Popen(a)", []),
        ("def f():\n    def g():\n        Popen(['x'])\n    tied('y')", [2]),
        ("def f():\n    subprocess.run(['x'], check=True)", []),
    ],
)
def test_it_finds_those_that_do_not(text: str, loose: list[int]) -> None:
    assert list(starts_that_are_not_tied(ast.parse(text))) == loose
