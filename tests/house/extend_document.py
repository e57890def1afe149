"""The worked examples of docs/extend.md, put into a copy of the sources."""

import re
import shutil
from pathlib import Path

from tests.house.sources import ROOT

DOCUMENT = ROOT / "docs" / "extend.md"
_BLOCK = re.compile(r"^```(python|diff) (\S+)\n(.*?)^```$", re.M | re.S)


def example(heading: str) -> list[tuple[str, str, str]]:
    """The files of the section with that heading: python (a new file) or diff (lines of one), path, text."""
    text = DOCUMENT.read_text()
    (start,) = re.finditer(rf"^(##+) {re.escape(heading)}\n", text, re.M)
    section = text[start.end() :]
    end = re.search(rf"^#{{2,{len(start[1])}}} ", section, re.M)
    return _BLOCK.findall(section[: end.start()] if end else section)


def add(heading: str, package: str, into: Path) -> list[str]:
    """A copy of a package's folder with the example added; the files that it touches."""
    copy(package, into)
    return apply(heading, into)


def copy(folder: str, into: Path) -> None:
    """A copy of a folder of the sources."""
    shutil.copytree(ROOT / folder, into / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))


def apply(heading: str, into: Path) -> list[str]:
    """Adds an example to a copy; the files that it touches."""
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
