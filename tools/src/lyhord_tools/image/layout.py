"""The layout of a board's flash, as its file in firmware/boards says."""

import ast
from dataclasses import dataclass
from pathlib import Path

from lyhord_tools.errors import ToolError

BLOCK_SIZE = 4096
"""Erase block of the ESP32's flash and block of the file system, bytes."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Offsets and sizes in bytes; `chip` in esptool's spelling (esp32, esp32s3)."""

    board: str
    chip: str
    micropython_offset: int
    vfs_offset: int
    vfs_size: int

    @property
    def vfs_blocks(self) -> int:
        """Size of the file system's partition in blocks of BLOCK_SIZE."""
        return self.vfs_size // BLOCK_SIZE


def read_layout(path: Path) -> Layout:
    """The layout in a board's file, which is read, not run. Raises ToolError if it does not say."""
    try:
        body = ast.parse(path.read_bytes(), str(path)).body
    except (OSError, SyntaxError) as fault:
        raise ToolError(f"cannot read board file {path}") from fault
    constants = {
        target.id: node.value.value
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }

    def whole(name: str) -> int:
        value = constants.get(name)
        if not isinstance(value, int) or value % BLOCK_SIZE:
            raise ToolError(f"{path}: {name} is missing or not a multiple of {BLOCK_SIZE}")
        return value

    chip = constants.get("CHIP")
    if not isinstance(chip, str):
        raise ToolError(f"{path}: CHIP is missing")
    return Layout(path.stem, chip, whole("FIRMWARE_OFFSET"), whole("VFS_OFFSET"), whole("VFS_SIZE"))
