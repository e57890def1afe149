"""A new application over the cable, with everything that the node has kept: samples, settings, identity.

    file system read ─▶ copy on this computer ─▶ code replaced in it ─▶ written back, verified ─▶ it boots
                              │ the cable comes off
                              └─▶ the same command again: the copy is what it begins from

Settings and identity are in NVS, another partition, which is not touched; nor is MicroPython. Only the code
changes: `/lib`, the two scripts and the list of hashes; everything else in the file system stays as it was.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from esptool import cmds
from littlefs import LittleFS
from littlefs.errors import LittleFSError

from lyhord_tools.device import flash
from lyhord_tools.errors import ToolError
from lyhord_tools.image.filesystem import mounted, read
from lyhord_tools.image.layout import BLOCK_SIZE, Layout
from lyhord_tools.private_file import create_private, read_private

_CODE = ("/lib", "/boot.py", "/main.py", "/hashes")


@dataclass(frozen=True, slots=True)
class Updated:
    """mac: of the chip, twelve hex digits. backup: the copy, to be removed when the board has answered.
    resumed: an earlier run had broken off. kept: files that are not code."""

    mac: str
    backup: Path
    resumed: bool
    kept: int


def update(
    port: str,
    image: bytes,
    layout: Layout,
    folder: Path,
    *,
    baudrate: int = flash.BAUDRATE,
    progress: flash.Progress | None = None,
) -> Updated:
    """Replaces the application. folder: for the copy, a file of mode 0600 named after the chip's MAC.

    Raises ToolError as `flash.flash` does, and where the board holds no node's file system; then it is as it
    was.
    """
    with flash.connected(port, "auto", baudrate, progress) as esp:
        flash.expect_chip(esp, layout, port)
        mac = bytes(esp.read_mac()).hex()
        backup = folder / f"update-{mac}-{hashlib.sha256(port.encode()).hexdigest()[:6]}.img"
        resumed = backup.exists()
        if resumed:
            before = read_private(backup)
        else:
            found = cmds.read_flash(esp, layout.vfs_offset, layout.vfs_size, None)
            before = bytes(found or b"")
        if len(before) != layout.vfs_size:
            raise ToolError(f"{port}: could not read the file system of {layout.vfs_size} bytes")
        after, kept = merged(before, image, port)
        if not resumed:
            whole = backup.with_suffix(".new")  # a copy of which the end is missing would be none
            whole.unlink(missing_ok=True)
            create_private(whole, before)
            whole.replace(backup)
        with flash.half_written(port, f"give the same command again; what it kept is safe in {backup}"):
            cmds.write_flash(esp, [(layout.vfs_offset, after)])
            cmds.reset_chip(esp, "hard-reset")
    return Updated(mac, backup, resumed, kept)


def merged(before: bytes, image: bytes, port: str) -> tuple[bytes, int]:
    """A node's file system with the code of an image, and how many other files it has. Raises ToolError."""
    fresh = mounted(image, "the image")
    # Of whatever version on disk: the first write on a board lifts what `lyhord build` has made.
    fs = LittleFS(block_size=BLOCK_SIZE, block_count=len(before) // BLOCK_SIZE, mount=False)
    fs.context.buffer = bytearray(before)
    try:
        fs.mount()
        read(fs, "lib/image.mpy")
    except (LittleFSError, FileNotFoundError) as fault:
        raise ToolError(
            f"{port}: the board holds no node's file system to be kept; lyhord flash writes all of it"
        ) from fault
    try:
        for path in _CODE:
            _remove(fs, path)
        kept = sum(len(files) for _, _, files in fs.walk("/"))
        for folder, _, files in fresh.walk("/"):
            for name in files:
                path = f"{folder.rstrip('/')}/{name}"
                fs.makedirs(folder, exist_ok=True)
                with fs.open(path, "wb") as file:
                    file.write(read(fresh, path))
    except LittleFSError as full:
        raise ToolError(f"{port}: the new code does not fit beside what the node has kept") from full
    fs.unmount()
    return bytes(fs.context.buffer), kept


def _remove(fs: LittleFS, path: str) -> None:
    try:
        entries = fs.listdir(path)
    except (LittleFSError, FileNotFoundError, NotADirectoryError):
        entries = None
    for name in entries or []:
        _remove(fs, f"{path}/{name}")
    try:
        fs.remove(path)
    except FileNotFoundError:
        return
