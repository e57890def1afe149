"""A record of the node's running state has the name of the module that owns it: that one alone writes it."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.house.sources import ROOT, python_files

STATE = ROOT / "firmware/node/lyhord_node/state.py"


def records() -> dict[str, list[str]]:
    """The fields of each record, from the layout text in state.py."""
    for node in ast.walk(ast.parse(STATE.read_text())):
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "_RECORDS":
            lines = ast.literal_eval(node.value).split("\n")
            return {
                name: [field.rstrip("*") for field in fields] for name, _, *fields in map(str.split, lines)
            }
    raise AssertionError("state.py has no layout")


RECORDS = records()


def written(tree: ast.AST) -> Iterator[tuple[int, str, str]]:
    """(line, record, field; "" for a whole record) of each write, also through a local name of a record."""
    for scope in ast.walk(tree):
        if not isinstance(scope, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module):
            continue
        names: dict[str, str] = {}
        for node in ast.walk(scope):
            if isinstance(node, ast.Assign) and (record := record_of(node.value)):
                names |= {target.id: record for target in node.targets if isinstance(target, ast.Name)}
        for node in ast.walk(scope):
            for target in targets(node):
                if not isinstance(target, ast.Attribute):
                    continue
                record = record_of(target.value)
                if record is None and isinstance(target.value, ast.Name):
                    record = names.get(target.value.id)
                if record is not None:
                    yield target.lineno, record, target.attr
                elif record_of(target) is not None:
                    yield target.lineno, target.attr, ""
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("setattr", "delattr"):
                record = record_of(node.args[0])
                if record is not None:
                    yield node.lineno, record, "by name"


def targets(node: ast.AST) -> list[ast.expr]:
    """All that a statement writes, the parts of a tuple each."""
    if isinstance(node, ast.Assign | ast.Delete):
        found = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For):
        found = [node.target]
    else:
        return []
    flat = []
    while found:
        one = found.pop()
        if isinstance(one, ast.Tuple | ast.List):
            found += one.elts
        else:
            flat.append(one)
    return flat


def record_of(node: ast.expr | None) -> str | None:
    """The record that an expression is: `state.schedule`, `self._node.state.schedule`, `kept.schedule`."""
    if not isinstance(node, ast.Attribute) or node.attr not in RECORDS:
        return None
    holder = node.value
    name = holder.attr if isinstance(holder, ast.Attribute) else getattr(holder, "id", "")
    return node.attr if name.lstrip("_") in ("state", "kept", "fresh", "running") else None


def modules() -> list[Path]:
    return [path for path in python_files("firmware/node") if path != STATE]


def test_each_record_has_its_owner() -> None:
    names = {path.stem for path in modules()}
    assert set(RECORDS) <= names, "a record without a module of its name"


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.stem)
def test_a_record_is_written_by_its_owner_only(path: Path) -> None:
    foreign = [
        f"{path.name}:{line}: {record}.{field}"
        for line, record, field in written(ast.parse(path.read_text()))
        if record != path.stem
    ]
    assert not foreign


def test_each_field_is_written_and_known() -> None:
    found = {
        (record, field) for path in modules() for _, record, field in written(ast.parse(path.read_text()))
    }
    known = {(record, field) for record, fields in RECORDS.items() for field in fields}
    assert found <= known, "a field that the layout does not have would be lost in deep sleep"
    assert known <= found, "a field that nobody writes"


@pytest.mark.parametrize(
    "code",
    [
        "state.schedule.report_at = 0",
        "node.state.schedule.report_at += 1",
        "self._node.state.schedule.report_at, other = 1, 2",
        "def f(node):\n    marks = node.state.schedule\n    marks.report_at = 1",
        "kept.schedule.report_at = 1",
        "setattr(state.schedule, name, 1)",
        "state.schedule = Record()",
        "for state.schedule.report_at in range(3): pass",
    ],
)
def test_a_foreign_write_is_seen(code: str) -> None:
    assert [record for _, record, _ in written(ast.parse(code))][:1] == ["schedule"]
