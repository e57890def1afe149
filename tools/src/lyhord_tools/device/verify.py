"""The check that a device's code is what was built: by the hashes that every image has of its files.

Over the serial line the node checks itself (its console's `verify`); an image or a copy of a board's flash is
checked here.
"""

import hashlib
from dataclasses import dataclass

from littlefs.errors import LittleFSError

from lyhord_tools.device.console import CommandFailed, NodeConsole
from lyhord_tools.errors import ToolError
from lyhord_tools.image.build import HASH_DIGITS, HASHES
from lyhord_tools.image.filesystem import mounted, read

_CHECK_S = 60.0  # a node reads 200 KB in about a second; on a slow line it may still be starting
_DAMAGED = "damaged: "


@dataclass(frozen=True, slots=True)
class Verdict:
    """`checked`: files that were compared, None where the node did not say; `damaged`: their paths there."""

    checked: int | None
    damaged: tuple[str, ...]


def verify_node(console: NodeConsole) -> Verdict:
    """The verdict of the node behind an entered console. Raises ToolError as `NodeConsole.command` does, and
    for firmware that cannot check itself."""
    try:
        console.command("verify", _CHECK_S)
    except CommandFailed as failed:
        damaged = tuple(line.removeprefix(_DAMAGED) for line in failed.lines if line.startswith(_DAMAGED))
        if not damaged:
            raise
        return Verdict(None, damaged)
    return Verdict(None, ())


def verify_image(image: bytes, name: str) -> Verdict:
    """The verdict on the bytes of a LittleFS image, fresh from `lyhord build` or read back from a board.

    name: of the file, for errors. Raises ToolError for what is no such image, or has no list of hashes.
    """
    fs = mounted(image, name)
    try:
        listed = read(fs, HASHES).decode("ascii").splitlines()
    except (LittleFSError, FileNotFoundError, UnicodeDecodeError) as fault:
        raise ToolError(f"{name}: expected an image of a node or bridge with its list of hashes") from fault
    damaged = []
    for line in listed:
        expected, _, path = line.partition(" ")
        try:
            found = hashlib.sha256(read(fs, path)).hexdigest()[:HASH_DIGITS]
        except (LittleFSError, FileNotFoundError):
            found = ""
        if found != expected:
            damaged.append(path)
    return Verdict(len(listed), tuple(damaged))
