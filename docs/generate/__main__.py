"""Writes what is made from the tables, and names the files that were stale; with --check it only names them
and exits with 1."""

import sys
from pathlib import Path

from docs.generate.regions import current

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    made = current(ROOT)
    stale = [path for path in made if path.read_text(encoding="utf-8") != made[path]]
    for path in stale:
        sys.stdout.write(f"{path.relative_to(ROOT)}\n")
    if "--check" in sys.argv[1:]:
        return 1 if stale else 0
    for path in stale:
        path.write_text(made[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
