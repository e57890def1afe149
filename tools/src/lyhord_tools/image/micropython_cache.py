"""Files of MicroPython on this computer, one per chip, with the hash that each had when a person chose it.

A file is looked at (whole, for this chip, new enough: `micropython.check`), kept with its SHA-256, and from
then on only that very file is used. Nothing is downloaded here: a hash that was not read off a file is none.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from lyhord_tools.errors import ToolError
from lyhord_tools.image import micropython
from lyhord_tools.image.build import write
from lyhord_tools.image.layout import Layout


@dataclass(frozen=True, slots=True)
class Chosen:
    """The file for a chip. version: major, minor; sha256 of its bytes."""

    path: Path
    version: tuple[int, ...]
    sha256: str


def folder() -> Path:
    """The place of the files: the user's data."""
    return platformdirs.user_data_path("lyhord") / "micropython"


def choose(file: Path, layout: Layout) -> Chosen:
    """Keeps this file for the board's chip. Raises ToolError where it is not one for it."""
    try:
        data = file.read_bytes()
    except OSError as fault:
        raise ToolError(f"cannot read {file}: {fault.strerror}") from fault
    micropython.check(data, layout)
    path = _path(layout)
    write(path, data)
    write(_note(path), f"{hashlib.sha256(data).hexdigest()}  {path.name}\n".encode())
    return _chosen(path, data)


def chosen(layout: Layout) -> Chosen:
    """The file that was chosen for the board's chip, unchanged. Raises ToolError with where to get one."""
    path = _path(layout)
    try:
        data, noted = path.read_bytes(), _note(path).read_text(encoding="ascii").split()
    except OSError as fault:
        build = micropython.wanted(layout)
        raise ToolError(
            f"no MicroPython for {layout.board} yet: download the newest .bin from "
            f"micropython.org/download/{build} and say: lyhord micropython {layout.board} FILE"
        ) from fault
    found = _chosen(path, data)
    if noted[:1] != [found.sha256]:
        raise ToolError(f"{path} is not the file that was chosen: choose it again with lyhord micropython")
    micropython.check(data, layout)
    return found


def _chosen(path: Path, data: bytes) -> Chosen:
    return Chosen(path, micropython.version_of(data) or (), hashlib.sha256(data).hexdigest())


def _path(layout: Layout) -> Path:
    return folder() / f"{micropython.wanted(layout)}.bin"


def _note(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
