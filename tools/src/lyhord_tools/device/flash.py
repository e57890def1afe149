"""Flashing: real esptool, used as a library.

Writes MicroPython where the chip's ROM loader looks for it and the image where that MicroPython keeps its
files, has esptool compare both by MD5, and starts the board.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import serial
from esp_pylib.logger import EspLog, EspLogBase
from esptool import cmds
from esptool.loader import ESPLoader
from esptool.reset import ResetStrategy
from esptool.util import FatalError

from lyhord_tools.errors import ToolError
from lyhord_tools.image import partitions
from lyhord_tools.image.layout import Layout

BAUDRATE = 460800
OLDEST = (1, 28)  # of MicroPython: what the firmware is written and compiled for
_BANNER = re.compile(rb"MicroPython v(\d{1,3})\.(\d{1,3})(?=[.\- ]|\0)")
_ATTEMPTS = 4

Progress = Callable[[int, int], None]
"""Called with (bytes done, bytes in all) while a part is written or read."""


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes for one place in flash; `offset` in bytes."""

    name: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class FlashReport:
    """The chip and what was written to it; `flash_size` in bytes."""

    chip: str
    flash_size: int
    parts: tuple[Part, ...]


def version_of(micropython: bytes) -> tuple[int, ...] | None:
    """(major, minor) that a MicroPython file names in its banner, which it prints at its start; None without
    one (py/mpconfig.h, MICROPY_BANNER_NAME_AND_VERSION)."""
    found = [(int(major), int(minor)) for major, minor in _BANNER.findall(micropython)]
    return max(found, default=None)


def plan(
    micropython: bytes, image: bytes, layout: Layout, flash_size: int | None = None
) -> tuple[Part, Part]:
    """The two parts for a board, held against the partition table in the MicroPython file.

    `flash_size` in bytes; before it is known, the flash is taken to end where the board's layout does.

    Raises ToolError when MicroPython is too old, for another chip, or keeps its files elsewhere than the
    image was built for.
    """
    version = version_of(micropython)
    if version is not None and version < OLDEST:
        found, oldest = ("{}.{}".format(*one) for one in (version, OLDEST))
        raise ToolError(f"this MicroPython is {found}, expected {oldest} or newer")
    table = partitions.read_table(micropython, layout.micropython_offset)
    vfs = partitions.file_system(table, flash_size or layout.vfs_offset + layout.vfs_size)
    if (vfs.offset, vfs.size) != (layout.vfs_offset, layout.vfs_size):
        raise ToolError(
            f"this MicroPython keeps its files at {vfs.offset:#x} ({vfs.size} bytes), "
            f"board {layout.board} is laid out for {layout.vfs_offset:#x} ({layout.vfs_size} bytes)"
        )
    if len(image) != layout.vfs_size:
        raise ToolError(
            f"the image has {len(image)} bytes, the partition of {layout.board} {layout.vfs_size}"
        )
    if layout.micropython_offset + len(micropython) > layout.vfs_offset:
        raise ToolError(f"the MicroPython file ({len(micropython)} bytes) runs into the file system")
    return Part("MicroPython", layout.micropython_offset, micropython), Part(
        "image", layout.vfs_offset, image
    )


def flash(
    port: str,
    micropython: bytes,
    image: bytes,
    layout: Layout,
    *,
    chip: str = "auto",
    baudrate: int = BAUDRATE,
    progress: Progress | None = None,
) -> FlashReport:
    """Write both parts and verify them.

    `port` is a device or a pyserial URL, `chip` esptool's name or "auto". Raises ToolError when
    nothing answers, the chip is not the board's, the flash is too small, or what was written does
    not read back.
    """
    parts = plan(micropython, image, layout)
    if chip not in ("auto", layout.chip):
        raise ToolError(f"board {layout.board} has an {layout.chip}, not an {chip}")
    with connected(port, chip, baudrate, progress) as esp:
        found = _chip(esp)
        if found != layout.chip:
            raise ToolError(f"board {layout.board} has an {layout.chip}, but an {found} answers on {port}")
        size = _flash_size(esp)
        end = layout.vfs_offset + layout.vfs_size
        if size < end:
            raise ToolError(f"the flash has {size} bytes, {layout.board} needs {end}")
        plan(micropython, image, layout, size)
        cmds.write_flash(esp, [(part.offset, part.data) for part in parts])
        cmds.reset_chip(esp, "hard-reset")
        return FlashReport(found, size, parts)


def read_flash(
    port: str,
    offset: int,
    size: int,
    *,
    chip: str = "auto",
    baudrate: int = BAUDRATE,
    progress: Progress | None = None,
) -> bytes:
    """`size` bytes of flash from `offset`. Raises ToolError as `flash` does."""
    with connected(port, chip, baudrate, progress) as esp:
        data = cmds.read_flash(esp, offset, size, None)
        if data is None or len(data) != size:
            raise ToolError(f"{port}: could not read {size} bytes at {offset:#x}")
        return bytes(data)


@contextmanager
def connected(port: str, chip: str, baudrate: int, progress: Progress | None = None) -> Iterator[ESPLoader]:
    """A chip with esptool's stub running and its flash attached; the port is closed at the end.

    esptool's and pyserial's faults come out as ToolError with one line.
    """
    try:
        serial.serial_for_url(port, do_not_open=True)
    except ValueError as fault:
        raise ToolError(f"{port}: {_first_line(fault)}") from fault
    esp: ESPLoader | None = None
    with _quiet(progress):
        try:
            esp = cmds.connect_esp(port, chip=chip, connect_attempts=_ATTEMPTS)
            esp = cmds.run_stub(esp)
            if not port.startswith("socket:"):
                esp.change_baud(baudrate)
            cmds.attach_flash(esp)
            yield esp
        except (FatalError, serial.SerialException, OSError) as fault:
            raise ToolError(f"{port}: {_first_line(fault)}") from fault
        finally:
            if esp is not None:
                esp._port.close()


class _ProgressOnly(EspLogBase):
    """esptool's log, reduced to its progress: what failed comes as an exception anyway."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress

    def print(self, *args: Any, **kwargs: Any) -> None:
        """Dropped."""

    def err(self, *args: Any, suggestion: str | None = None) -> None:
        """Dropped."""

    def warn(self, *args: Any, suggestion: str | None = None) -> None:
        """Dropped."""

    def note(self, *args: Any) -> None:
        """Dropped."""

    def hint(self, *args: Any) -> None:
        """Dropped."""

    def debug(self, *args: Any) -> None:
        """Dropped."""

    def set_verbosity(self, mode: int | str) -> None:
        """There is nothing to make more or less of."""

    def progress_bar(
        self, cur_iter: int, total_iters: int, prefix: str = "", suffix: str = "", bar_length: int = 30
    ) -> None:
        """Passed on."""
        if self._progress is not None:
            self._progress(cur_iter, total_iters)


@contextmanager
def _quiet(progress: Progress | None) -> Iterator[None]:
    before, print_once = EspLog.instance or EspLog(), ResetStrategy.print_once
    EspLog.set_logger(_ProgressOnly(progress))
    ResetStrategy.print_once = lambda *_: None  # has kept the logger of esptool's import: RTS missing, once
    try:
        yield
    finally:
        EspLog.set_logger(before)
        ResetStrategy.print_once = print_once


def _chip(esp: ESPLoader) -> str:
    return str(esp.CHIP_NAME).lower().replace("-", "")


def _flash_size(esp: ESPLoader) -> int:
    named = cmds.detect_flash_size(esp)
    if named is None or not named.endswith("MB"):
        raise ToolError(f"esptool cannot tell the size of the flash ({named})")
    return int(named.removesuffix("MB")) * 1024 * 1024


def _first_line(fault: Exception) -> str:
    lines = str(fault).strip().splitlines()
    return lines[0] if lines else type(fault).__name__
