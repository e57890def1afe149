"""What is made from the wire's tables is as they are."""

import re
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
