"""docs/faults.md names tests and files that exist: a rule without its test is a story."""

import ast
import re
from functools import cache

from tests.house.sources import ROOT

_PAGE = ROOT / "docs/faults.md"
_TEST = re.compile(r"`(?:((?:tests|hil/tests)/[\w/{},]+\.py))?(?:::(test_\w+))?[^`]*`")
_SOURCE = re.compile(r"`((?:firmware|gateway|tools|hil|docs)/[\w/.-]+\.\w+)`")


@cache
def _functions(path):
    return [node.name for node in ast.walk(ast.parse((ROOT / path).read_text())) if hasattr(node, "name")]


def test_every_fault_has_its_four_parts():
    text = _PAGE.read_text()
    entries = re.split(r"^### ", text, flags=re.M)[1:]
    numbers = {int(entry[:2]) for entry in entries}
    assert numbers == set(range(1, 43))
    for entry in entries:
        for part in ("Symptom", "Cause", "Rule", "Tests"):
            assert f"- **{part}.**" in entry, f"{entry.splitlines()[0]}: no {part}"


def test_every_test_and_file_that_is_named_exists():
    gone = []
    for entry in re.split(r"^### ", _PAGE.read_text(), flags=re.M)[1:]:
        title = entry.splitlines()[0]
        gone += [f"{title}: {name}" for name in _SOURCE.findall(entry) if not (ROOT / name).exists()]
        path = None
        for named, function in _TEST.findall(entry):
            path = named or path
            if named and not (ROOT / named).exists():
                gone.append(f"{title}: {named}")
                path = None
            elif function and path and not any(name == function for name in _functions(path)):
                gone.append(f"{title}: {path}::{function}")
    assert not gone
