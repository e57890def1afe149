"""A file of MicroPython, looked at before a board gets it: whole, for this chip, new enough.

A file for an ESP32 is what its flash holds from the bootloader on: partition table at 0x8000, the program in
the partition `factory` (or the first of two for updates), itself an image with checksum and SHA-256 (ESP-IDF,
"App Image Format").
"""

import re

from esptool.bin_image import LoadFirmwareImage
from esptool.targets import CHIP_DEFS
from esptool.util import FatalError

from lyhord_tools.errors import ToolError
from lyhord_tools.image import partitions
from lyhord_tools.image.layout import Layout

OLDEST = (1, 28)  # what the firmware is written and compiled for
_BANNER = re.compile(rb"MicroPython v(\d{1,3})\.(\d{1,3})(?=[.\- ]|\0)")
_PROGRAMS = ("factory", "ota_0")
_MAGIC = 0xE9
_CHIP_ID_AT = 12  # of the extended header


def version_of(micropython: bytes) -> tuple[int, ...] | None:
    """(major, minor) that a MicroPython file names in its banner, which it prints at its start; None without
    one (py/mpconfig.h, MICROPY_BANNER_NAME_AND_VERSION)."""
    found = [(int(major), int(minor)) for major, minor in _BANNER.findall(micropython)]
    return max(found, default=None)


def check(micropython: bytes, layout: Layout) -> list[partitions.Partition]:
    """Its partition table. Raises ToolError with what is wrong and where the right file is."""
    if not micropython or micropython[0] != _MAGIC:
        raise ToolError(
            f"the MicroPython file is none for an ESP32; expected the .bin for {wanted(layout)} from "
            "micropython.org/download"
        )
    version = version_of(micropython)
    if version is not None and version < OLDEST:
        found, oldest = ("{}.{}".format(*one) for one in (version, OLDEST))
        raise ToolError(f"this MicroPython is {found}, expected {oldest} or newer")
    table = partitions.read_table(micropython, layout.micropython_offset)
    _check_program(micropython, table, layout)
    if version is None:
        raise ToolError(
            "the file names no version of MicroPython; expected the .bin for "
            f"{wanted(layout)} from micropython.org/download"
        )
    return table


def wanted(layout: Layout) -> str:
    """The name of MicroPython's build for the board's chip."""
    family = layout.chip.removeprefix("esp32").upper()
    return f"ESP32_GENERIC_{family}" if family else "ESP32_GENERIC"


def _check_program(micropython: bytes, table: list[partitions.Partition], layout: Layout) -> None:
    for partition in table:
        if partition.label in _PROGRAMS:
            break
    else:
        raise ToolError("the MicroPython file's partition table names no program; is it a build for updates?")
    program = micropython[partition.offset - layout.micropython_offset :]
    if len(program) < _CHIP_ID_AT + 2 or program[0] != _MAGIC:
        raise ToolError("the MicroPython file ends before its program: it is cut off, fetch it again")
    chip = _chips().get(int.from_bytes(program[_CHIP_ID_AT : _CHIP_ID_AT + 2], "little"))
    if chip != layout.chip:
        built_for = f"an {chip}" if chip else "another chip"
        raise ToolError(
            f"this MicroPython is for {built_for}, board {layout.board} has an {layout.chip}: "
            f"take {wanted(layout)}"
        )
    try:
        loaded = LoadFirmwareImage(layout.chip, program)
    except (FatalError, IndexError, ValueError, OSError) as fault:
        raise ToolError("the MicroPython file ends in its program: it is cut off, fetch it again") from fault
    if loaded.checksum != loaded.calculate_checksum() or (
        loaded.append_digest and loaded.stored_digest != loaded.calc_digest
    ):
        raise ToolError("the MicroPython file is damaged: its checksum does not hold, fetch it again")


def _chips() -> dict[int, str]:
    return {
        chip.IMAGE_CHIP_ID: name
        for name, chip in CHIP_DEFS.items()
        if getattr(chip, "IMAGE_CHIP_ID", None) is not None
    }
