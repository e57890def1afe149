"""The commands and files that docs/operate.md prints."""

import re
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operate.md"
_BLOCK = re.compile(r"^```(?:sh|yaml) (\w+)\n(.*?)^```$", re.M | re.S)
_FILE = re.compile(r"^cat > (\S+) <<'EOF'\n(.*?)^EOF$", re.M | re.S)


def blocks(kind: str) -> list[str]:
    """The code blocks of a kind (install, verify, care, rules), in their order."""
    return [text for found, text in _BLOCK.findall(DOCUMENT.read_text()) if found == kind]


def files() -> dict[str, str]:
    """Path → content of every file that the commands write."""
    return dict(_FILE.findall(DOCUMENT.read_text()))
