"""The firmware's source tree: where it is, its version, and which modules an app needs."""

import ast
import os
import sysconfig
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import platformdirs

from lyhord_tools.errors import ToolError
from lyhord_tools.image.layout import Layout, read_layout

App = Literal["node", "bridge"]

_PACKAGES = {
    "lyhord_wire": "wire/lyhord_wire",
    "lyhord_node": "node/lyhord_node",
    "lyhord_bridge": "bridge/lyhord_bridge",
    "drivers": "drivers",
    "boards": "boards",
}
_APP_PACKAGE: dict[App, str] = {"node": "lyhord_node", "bridge": "lyhord_bridge"}


@dataclass(frozen=True, slots=True)
class Tree:
    """A firmware folder: `root` holds boot.py, main.py and the packages."""

    root: Path

    @property
    def cache(self) -> Path:
        """The folder of fetched parts: beside the sources, or with the user where those are installed."""
        if self.root.is_relative_to(sysconfig.get_path("purelib")):
            return platformdirs.user_cache_path("lyhord") / "parts"
        return self.root.parent / ".cache" / "parts"

    def version(self) -> str:
        """The firmware's version, MAJOR.MINOR.PATCH: that of the whole project."""
        path = self.root / "VERSION"
        try:
            return path.read_text().strip()
        except OSError as fault:
            raise ToolError(f"no version in {path}") from fault

    def boards(self) -> list[str]:
        """Names of the boards that the firmware has pins for."""
        return sorted(path.stem for path in (self.root / "boards").glob("*.py") if path.stem != "__init__")

    def board_file(self, board: str) -> Path:
        """Path of a board's file. Raises ToolError for a board that is not there."""
        if board not in self.boards():
            raise ToolError(f"no board {board!r}; there are: {', '.join(self.boards())}")
        return self.root / "boards" / f"{board}.py"

    def layout(self, board: str) -> Layout:
        """The layout of `board`'s flash."""
        return read_layout(self.board_file(board))

    def modules(self, app: App, board: str) -> dict[str, Path]:
        """Dotted name → source of every module that `app` on `board` needs, its whole package included.

        Follows import statements, wherever in a file they stand; modules that are not ours are the
        interpreter's.
        """
        self.board_file(board)
        package = _APP_PACKAGE[app]
        folder = self.root / _PACKAGES[package]
        todo = [f"{package}.{path.stem}" for path in sorted(folder.glob("*.py")) if path.stem != "__init__"]
        if not todo:
            raise ToolError(f"no modules in {folder}")
        todo += [package, f"boards.{board}"]
        others = {name for name in _APP_PACKAGE.values() if name != package}
        for script in ("boot.py", "main.py"):
            # main.py names both apps; the other one stays away.
            todo += [name for name in _imports(self.source(script)) if name.split(".")[0] not in others]
        if app == "node":
            todo += [f"drivers.{name}" for name in catalogued(self.root)]
        found: dict[str, Path] = {}
        while todo:
            name = todo.pop()
            path = self._path(name)
            if path is None or name in found:
                continue
            found[name] = path
            todo += _parents(name)
            todo += _imports(path, name)
        return dict(sorted(found.items()))

    def source(self, script: str) -> Path:
        """Path of boot.py or main.py. Raises ToolError when it is missing."""
        path = self.root / script
        if not path.is_file():
            raise ToolError(f"{path} is missing")
        return path

    def _path(self, name: str) -> Path | None:
        package, *rest = name.split(".")
        if package not in _PACKAGES:
            return None
        base = self.root.joinpath(_PACKAGES[package], *rest)
        for path in (base / "__init__.py", base.with_suffix(".py")):
            if path.is_file() and (rest or path.name == "__init__.py"):
                return path
        return None


def find_tree() -> Tree:
    """The tree named by LYHORD_FIRMWARE, or the installed one: in development, that of the repository."""
    named = os.environ.get("LYHORD_FIRMWARE")
    root = Path(named) if named else Path(str(files("lyhord_firmware")))
    if not (root / "wire").is_dir():
        hint = "LYHORD_FIRMWARE" if named else "set LYHORD_FIRMWARE"
        raise ToolError(f"no firmware sources in {root} ({hint})")
    return Tree(root)


def version_number(version: str) -> int:
    """ "1.2.3" as one integer, major << 16 | minor << 8 | patch (protocol, status 0)."""
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isdecimal() and int(part) < 256 for part in parts):
        raise ToolError(f"version {version!r} is not MAJOR.MINOR.PATCH, each below 256")
    major, minor, patch = (int(part) for part in parts)
    return major << 16 | minor << 8 | patch


def catalogued(root: Path) -> list[str]:
    """Names of the drivers that the node's catalogue of sensors has; no import statement names them."""
    path = root / _PACKAGES["lyhord_node"] / "sensor_catalog.py"
    if not path.is_file():
        return []
    for node in ast.parse(path.read_bytes(), str(path)).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "SENSORS":
            lines: tuple[str, ...] = ast.literal_eval(node.value)
            return sorted({line.split()[2] for line in lines} - {"-"})
    raise ToolError(f"no SENSORS in {path}")


def _parents(name: str) -> Iterator[str]:
    while "." in name:
        name = name.rpartition(".")[0]
        yield name


def _imports(path: Path, name: str = "") -> list[str]:
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except SyntaxError as fault:
        raise ToolError(f"{path}:{fault.lineno}: {fault.msg}") from fault
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return list(_imported(_walk(tree), package))


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Like ast.walk, without what only type checkers see."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _walk(child)


def _imported(nodes: Iterable[ast.AST], package: str) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            outer = package.split(".")
            base = ".".join(outer[: len(outer) - node.level + 1]) if node.level else ""
            module = ".".join(part for part in (base, node.module or "") if part)
            yield module
            # "from package import module": the name may be a module of its own.
            yield from (f"{module}.{alias.name}" for alias in node.names)
