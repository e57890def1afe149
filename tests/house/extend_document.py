"""The worked examples of docs/extend.md, put into a copy of the sources."""

import re
import shutil
from pathlib import Path

from tests.house.sources import ROOT

DOCUMENT = ROOT / "docs" / "extend.md"
_BLOCK = re.compile(r"^```(python|diff) (\S+)\n(.*?)^```$", re.M | re.S)


def example(heading: str) -> list[tuple[str, str, str]]:
    """The files of the section with that heading: python (a new file) or diff (lines of one), path, text."""
    _, _, section = DOCUMENT.read_text().partition(f"\n## {heading}\n")
    return _BLOCK.findall(section.partition("\n## ")[0])


def add(heading: str, package: str, into: Path) -> list[str]:
    """A copy of a package's folder with the example added; the files that it touches."""
    shutil.copytree(
        ROOT / package, into / package, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    touched = []
    for kind, path, text in example(heading):
        target = into / path
        if kind == "python":
            assert not (ROOT / path).exists(), "an example is no part of the product"
            target.write_text(text)
        else:
            target.write_text(_changed(target.read_text(), text))
        touched.append(path)
    return touched


def _changed(text: str, diff: str) -> str:
    """Each run of lines with - is replaced by the lines with + behind it."""
    for minus, plus in re.findall(r"((?:^-.*\n)+)((?:^\+.*\n)*)", diff, re.M):
        old, new = (re.sub(r"^[-+]", "", lines, flags=re.M) for lines in (minus, plus))
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text
