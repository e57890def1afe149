"""The project's source files, read as text and as syntax trees."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that belongs to the project: tracked by git, or new and not ignored."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(path for name in listing.splitlines() if (path := ROOT / name).is_file())


def python_files(folder: str) -> Iterator[Path]:
    """Python files below a folder of the project; at least one, or the test's path is stale."""
    found = [path for path in tracked() if path.suffix == ".py" and path.is_relative_to(ROOT / folder)]
    assert found, f"no Python file below {folder}"
    yield from found


def imports(path: Path) -> set[str]:
    """Modules that a file imports, lazy imports inside functions included; relative ones resolved."""
    names: set[str] = set()
    package = path.relative_to(ROOT).with_suffix("").parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(package[-node.level - 1 : -node.level]) + "." if node.level else ""
            module = base + (node.module or "")
            names.add(module)
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names
