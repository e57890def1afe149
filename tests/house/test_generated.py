"""Everything that is made from the wire's tables is as they are."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

from docs.generate.regions import FILES, current
from tests.house.sources import ROOT, tracked


def test_nothing_that_is_made_is_stale():
    stale = [str(path.relative_to(ROOT)) for path, text in current(ROOT).items() if path.read_text() != text]
    assert not stale, "run make docs"


@pytest.mark.parametrize("name", FILES)
def test_a_change_by_hand_in_a_made_part_is_stale(name, tmp_path):
    for other in FILES:
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).write_text((ROOT / other).read_text())
    path = tmp_path / name
    text = path.read_text()
    start = re.search(r"table: \w+.*\n(?:\|.*\n){0,2}", text).end()
    end = text.index("\n", start) + 1
    path.write_text(text[:start] + text[end:])  # a line less
    assert {made.relative_to(tmp_path) for made in _stale(tmp_path)} == {Path(name)}


def _stale(root):
    return [path for path, text in current(root).items() if path.read_text() != text]


@pytest.mark.parametrize("name", ["quantities", "orders", "alarms", "fields"])
def test_no_table_gives_a_number_twice(name):
    """Of two rows with one number a dictionary keeps the second in silence."""
    tree = ast.parse((ROOT / "firmware/wire/lyhord_wire" / f"{name}.py").read_text())
    tables = [node.value for node in tree.body if isinstance(node, ast.Assign)]
    rows = [table.generators[0].iter.elts for table in tables if isinstance(table, ast.DictComp)]
    assert rows
    for table in rows:
        keys = Counter(next(arg.value for arg in row.args if isinstance(arg.value, int)) for row in table)
        assert len(keys) == len(table) > 1, keys


def test_a_lost_mark_is_no_silence(tmp_path):
    for other in FILES:
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).write_text((ROOT / other).read_text())
    path = tmp_path / "docs/protocol.md"
    path.write_text(path.read_text().replace("<!-- table: settings -->", ""))
    with pytest.raises(ValueError, match="region settings"):
        current(tmp_path)


def test_every_mark_in_code_and_schema_is_of_a_part_that_is_made():
    for path in tracked():
        if path.suffix in (".py", ".cddl") and "tests" not in path.parts:
            marks = set(re.findall(r"^ *[#;] table: (.+)$", path.read_text(), re.M))
            assert marks <= set(FILES.get(str(path.relative_to(ROOT)), {})), path
