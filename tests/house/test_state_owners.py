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
    """(line, record, field) of each write: of a field, also through a local name of its record, of a whole
    record (field ""), by name, and of a record that is handed on to where its writes would not be seen."""
    for scope in [tree, *(node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))]:
        parts = list(inside(scope))
        names = {name: record for part in parts for name, record in bound(part)}
        for node in parts:
            for target in targets(node):
                if not isinstance(target, ast.Attribute):
                    continue
                record = record_of(target.value, target.attr)
                if record is None and isinstance(target.value, ast.Name):
                    record = names.get(target.value.id)
                if record is not None:
                    yield target.lineno, record, target.attr
                elif record_of(target) is not None:
                    yield target.lineno, target.attr, ""
            if isinstance(node, ast.Call):
                for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                    for record in meant(argument):
                        yield node.lineno, record, "handed on"


def inside(scope: ast.AST) -> Iterator[ast.AST]:
    """All below, but what is in a function of its own."""
    for node in ast.iter_child_nodes(scope):
        if not isinstance(node, ast.FunctionDef):
            yield node
            yield from inside(node)


def bound(node: ast.AST) -> Iterator[tuple[str, str]]:
    """(local name, record) where a name comes to mean a record."""
    values: list[ast.expr | None] = []
    names: list[ast.expr] = targets(node)
    if isinstance(node, ast.Assign | ast.AnnAssign):
        values = [node.value]
    elif isinstance(node, ast.NamedExpr):
        names, values = [node.target], [node.value]
    elif isinstance(node, ast.For | ast.comprehension):
        values = [node.iter]
    elif isinstance(node, ast.withitem):
        values = [node.context_expr]
    for value in values:
        for record in meant(value):
            yield from ((name.id, record) for name in names if isinstance(name, ast.Name))


def meant(value: ast.expr | None) -> Iterator[str]:
    """The records that a value is, or may be, or has in it."""
    if isinstance(value, ast.Tuple | ast.List):
        for one in value.elts:
            yield from meant(one)
    elif isinstance(value, ast.IfExp):
        yield from meant(value.body)
        yield from meant(value.orelse)
    elif isinstance(value, ast.BoolOp):
        for one in value.values:
            yield from meant(one)
    elif record := record_of(value):
        yield record


def targets(node: ast.AST) -> list[ast.expr]:
    """All that a statement writes, the parts of a tuple each."""
    if isinstance(node, ast.Assign | ast.Delete):
        found = list(node.targets)
    elif isinstance(node, ast.AugAssign | ast.AnnAssign | ast.For | ast.comprehension):
        found = [node.target]
    elif isinstance(node, ast.withitem) and node.optional_vars is not None:
        found = [node.optional_vars]
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


def record_of(node: ast.AST | None, field: str = "") -> str | None:
    """The record that an expression is: `state.schedule`, `self._node.state.schedule`, `kept.schedule`. Where
    one of its fields is asked for, whatever the state is called: `s.schedule.report_at`."""
    if not isinstance(node, ast.Attribute) or node.attr not in RECORDS:
        return None
    if field in RECORDS[node.attr]:
        return node.attr
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
        "def f(s): s.schedule.report_at = 1",
        "st = node.state\nst.schedule.report_at = 1",
        "marks, other = state.schedule, 2\nmarks.report_at = 1",
        "for marks in (state.schedule,):\n    marks.report_at = 1",
        "marks = state.schedule if a else None\nmarks.report_at = 1",
        "with open(p) as state.schedule.report_at: pass",
        "[0 for state.schedule.report_at in range(3)]",
        "if marks := state.schedule:\n    marks.report_at = 1",
        "move(state.schedule)",
        "move(marks=node.state.schedule)",
    ],
)
def test_a_foreign_write_is_seen(code: str) -> None:
    assert [record for _, record, _ in written(ast.parse(code))][:1] == ["schedule"]
