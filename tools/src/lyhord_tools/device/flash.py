"""Flashing: real esptool, used as a library.

Writes MicroPython where the chip's ROM loader looks for it and the image where that MicroPython keeps its
files, has esptool compare both by MD5, and starts the board.
"""

import threading
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

from lyhord_tools.device.port import open_port
from lyhord_tools.errors import ToolError
from lyhord_tools.image import micropython as micropython_file
from lyhord_tools.image import partitions
from lyhord_tools.image.layout import Layout

BAUDRATE = 460800
_ATTEMPTS = 4
_READ_BACK = 0x100000

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


def plan(
    micropython: bytes, image: bytes, layout: Layout, flash_size: int | None = None
) -> tuple[Part, Part]:
    """The two parts for a board, held against the partition table in the MicroPython file.

    `flash_size` in bytes; before it is known, the flash is taken to end where the board's layout does.

    Raises ToolError when MicroPython is too old, for another chip, or keeps its files elsewhere than the
    image was built for.
    """
    table = micropython_file.check(micropython, layout)
    vfs = partitions.file_system(table, flash_size or layout.vfs_offset + layout.vfs_size)
    if (vfs.offset, vfs.size) != (layout.vfs_offset, layout.vfs_size):
        raise ToolError(
            f"this MicroPython keeps its files at {vfs.offset:#x} ({vfs.size} bytes), "
            f"board {layout.board} is laid out for {layout.vfs_offset:#x} ({layout.vfs_size} bytes)"
        )
    if len(image) != layout.vfs_size:
        raise ToolError(
            f"the image has {len(image)} bytes, the partition of {layout.board} {layout.vfs_size}: it is cut "
            "off, or for another board"
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
        found = expect_chip(esp, layout, port)
        size = _flash_size(esp)
        end = layout.vfs_offset + layout.vfs_size
        if size < end:
            raise ToolError(f"the flash has {size} bytes, {layout.board} needs {end}")
        plan(micropython, image, layout, size)
        with half_written(port):
            cmds.write_flash(esp, [(part.offset, part.data) for part in parts])
            cmds.reset_chip(esp, "hard-reset")
        return FlashReport(found, size, parts)


def erase(
    port: str, *, chip: str = "auto", baudrate: int = BAUDRATE, progress: Progress | None = None
) -> int:
    """Erases the whole flash and reads it back; its size in bytes. Raises ToolError as `flash` does, and
    where a byte is left."""
    with connected(port, chip, baudrate, progress) as esp:
        size = _flash_size(esp)
        with half_written(port):
            cmds.erase_flash(esp)
            for offset in range(0, size, _READ_BACK):
                data = cmds.read_flash(esp, offset, min(_READ_BACK, size - offset), None)
                if data is None or bytes(data).strip(b"\xff"):
                    raise ToolError(f"{port}: the flash is not empty at {offset:#x}; wipe it again")
        return size


@contextmanager
def half_written(port: str, remedy: str = "flash it again") -> Iterator[None]:
    """From here on a fault leaves a board that must be written again, and says so."""
    try:
        yield
    except (FatalError, serial.SerialException, OSError) as fault:
        raise ToolError(
            f"{port}: the board is half written: {remedy} ({_first_line(fault).rstrip('.')})"
        ) from fault


def expect_chip(esp: ESPLoader, layout: Layout, port: str) -> str:
    """The chip's name. Raises ToolError where it is not the board's."""
    found = _chip(esp)
    if found != layout.chip:
        raise ToolError(f"board {layout.board} has an {layout.chip}, but an {found} answers on {port}")
    return found


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
    if "://" not in port:
        open_port(port, 0).close()  # who has it, or what is missing, is said better here
    esp: ESPLoader | None = None
    with _quiet(progress):
        try:
            esp = _found(port, chip)
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


def _found(port: str, chip: str) -> ESPLoader:
    try:
        return cmds.connect_esp(port, chip=chip, connect_attempts=_ATTEMPTS)
    except FatalError as fault:
        said = _first_line(fault)
        if "Failed to connect" in said:
            raise ToolError(
                f"{port}: the chip's loader does not answer: hold BOOT, press RESET, let go of BOOT, and try "
                "again; is it a data cable?"
            ) from fault
        raise


class _ProgressOnly(EspLogBase):
    """esptool's log, reduced to its progress: what failed comes as an exception anyway.

    esptool has one log for the whole process; boards are flashed in parallel, each in its thread.
    """

    def __init__(self) -> None:
        self.of_thread = threading.local()

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
        """Passed on to whoever asked for it in this thread."""
        if (progress := getattr(self.of_thread, "progress", None)) is not None:
            progress(cur_iter, total_iters)


_LOG = _ProgressOnly()
_log_lock = threading.Lock()
_log_before: list[tuple[EspLogBase, Any]] = []  # what was there before the first of us; as many as there are


@contextmanager
def _quiet(progress: Progress | None) -> Iterator[None]:
    with _log_lock:
        _log_before.append((EspLog.instance or EspLog(), ResetStrategy.print_once))
        EspLog.set_logger(_LOG)
        ResetStrategy.print_once = lambda *_: (
            None
        )  # has kept the logger of esptool's import: RTS missing, once
    _LOG.of_thread.progress = progress
    try:
        yield
    finally:
        _LOG.of_thread.progress = None
        with _log_lock:
            before, print_once = _log_before.pop()
            if not _log_before:
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
