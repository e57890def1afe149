"""Moments of the monotonic clock, moments in Unix seconds and durations are told apart by their names
(CONTRIBUTING.md): what is read from a monotonic clock is kept under a name that ends in `_mono_s` (or is a
`deadline`), or counts in `_us` or `_ns`; no other moment has such a name."""

import ast
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

import pytest

from tests.house.sources import ROOT

_PACKAGES = ("gateway/src", "tools/src", "hil/src")
_MONOTONIC = ("monotonic", "monotonic_ns", "perf_counter", "boot_s", "mono_s")
_LOOPS = ("loop.time", "get_running_loop().time")


class Kind(Enum):
    MONOTONIC = "monotonic"
    UNIX = "Unix"


def _said(name: str) -> Kind | None:
    """The kind of moment that a name promises."""
    if name.endswith("_mono_s") or name in ("mono_s", "deadline"):
        return Kind.MONOTONIC
    return Kind.MONOTONIC if name.endswith(("_us", "_ns")) else None


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
            return name
        case ast.Subscript(value=value):
            return _name(value)
    return ""


def _kind(node: ast.AST) -> Kind | None:
    """The kind of moment that an expression is; None for a duration, and for what is not known."""
    match node:
        case ast.Call(func=function):
            called = ast.unparse(function)
            if _name(function) in _MONOTONIC or called.endswith(_LOOPS):
                return Kind.MONOTONIC
            if called == "time.time" or called.endswith(".wall_s"):
                return Kind.UNIX
            if called in ("int", "round", "float"):
                return _kind(node.args[0])
        case ast.BinOp(left=left, op=ast.Sub(), right=right):
            return _kind(left) if _kind(right) is None else None
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return _kind(left) or _kind(right)
        case ast.Name() | ast.Attribute():
            return Kind.MONOTONIC if _name(node).endswith("_mono_s") else None
    return None


def _assigned(tree: ast.AST) -> Iterator[tuple[ast.AST, ast.expr]]:
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                        yield from zip(target.elts, value.elts, strict=False)
                    else:
                        yield target, value
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                yield target, value
            case ast.keyword(value=value):
                yield node, value


def wrong(source: str) -> list[str]:
    found = []
    for target, value in _assigned(ast.parse(source)):
        kind, name = _kind(value), _name(target)
        if kind is not None and name and (_said(name) is Kind.MONOTONIC) is not (kind is Kind.MONOTONIC):
            found.append(f"{name} = {ast.unparse(value)}")
    return found


@pytest.mark.parametrize("package", _PACKAGES)
def test_a_moments_name_says_of_which_clock_it_is(package: str) -> None:
    files: list[Path] = sorted((ROOT / package).rglob("*.py"))
    assert files
    faults = {str(file.relative_to(ROOT)): found for file in files if (found := wrong(file.read_text()))}
    assert not faults


@pytest.mark.parametrize(
    "line",
    [
        "heard_s = time.monotonic()",
        "end_s = loop.time() + 3",
        "self._heard_s = self._times.mono_s()",
        "Facts(at_s=time.monotonic())",
        "heard_mono_s = time.time()",
        "now_us = self._times.wall_s()",
        "self.since_s[part] = time.monotonic()",
        "first_s, now_mono_s = time.monotonic(), time.monotonic()",
    ],
)
def test_a_name_of_another_kind_is_seen(line: str) -> None:
    assert len(wrong(line)) == 1


def test_durations_are_free() -> None:
    assert not wrong("took_s = time.monotonic() - start_mono_s\nage_s = time.time() - heard_s")
