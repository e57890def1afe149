"""The file system of an image, read on a laptop."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from littlefs import LittleFS
from littlefs.errors import LittleFSError

from lyhord_tools.errors import ToolError
from lyhord_tools.image.build import DISK_VERSION
from lyhord_tools.image.layout import BLOCK_SIZE

_VERSION = re.compile(rb"(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}(?![\d.])")


@dataclass(frozen=True, slots=True)
class ImageIdentity:
    """The firmware in an image: node or bridge, its board, MAJOR.MINOR.PATCH."""

    app: str
    board: str
    version: str


def mounted(image: bytes, name: str) -> LittleFS:
    """The file system in these bytes. Raises ToolError for what is none; name: of the file, for errors."""
    blocks, rest = divmod(len(image), BLOCK_SIZE)
    if rest or not blocks:
        raise ToolError(f"{name}: expected blocks of {BLOCK_SIZE} bytes, it has {len(image)} bytes")
    fs = LittleFS(block_size=BLOCK_SIZE, block_count=blocks, disk_version=DISK_VERSION, mount=False)
    fs.context.buffer = bytearray(image)
    try:
        fs.mount()
    except LittleFSError as fault:
        raise ToolError(f"{name}: expected an image of a node or bridge with its list of hashes") from fault
    return fs


def read(fs: LittleFS, path: str) -> bytes:
    """A file's bytes."""
    with fs.open(path, "rb") as file:
        return bytes(file.read())


def identity(image: bytes, boards: Iterable[str], name: str = "the image") -> ImageIdentity:
    """The firmware that an image says it holds. Raises ToolError where it says nothing."""
    fs = mounted(image, name)
    try:
        told = read(fs, "lib/image.mpy")
    except (LittleFSError, FileNotFoundError) as fault:
        raise ToolError(
            f"{name}: expected an image of a node or bridge; it does not say what it is"
        ) from fault
    board = max((one for one in boards if one.encode() in told), key=len, default=None)
    version = _VERSION.search(told)
    if board is None or version is None:
        raise ToolError(f"{name} is for a board that this firmware does not know")
    return ImageIdentity("bridge" if b"bridge" in told else "node", board, version[0].decode())
