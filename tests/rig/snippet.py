"""Boards for tests: a LittleFS image made of a few lines of firmware."""

import textwrap
from pathlib import Path

from littlefs import LittleFS

from lyhord_rig import Board, Ports, World

BLOCKS = 64


def write_image(path: Path, files: dict[str, str]) -> Path:
    fs = LittleFS(block_size=4096, block_count=BLOCKS, disk_version=0x00020000)
    for name, text in files.items():
        with fs.open(name, "wb") as file:
            file.write(textwrap.dedent(text).encode())
    path.write_bytes(bytes(fs.context.buffer))
    return path


def read_image(path: Path) -> LittleFS:
    # No disk_version: the first write on a board lifts the file system from 2.0 to its own version.
    fs = LittleFS(block_size=4096, block_count=BLOCKS, mount=False)
    fs.context.buffer[:] = path.read_bytes()
    fs.mount()
    return fs


def make_board(
    world: World, folder: Path, main: str, ports: Ports | None = None, name: str = "board", **options: float
) -> Board:
    """A board, still off, whose flash holds `main` as /main.py."""
    folder = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    image = write_image(folder / "flash.img", {"main.py": main})
    return Board(world, name, image, folder, ports, flash_blocks=BLOCKS, **options)  # type: ignore[arg-type]


class Echo:
    """An SPI device that answers each byte with its complement."""

    def __init__(self, world):
        self.world = world
        self.log = []

    def select(self):
        self.log.append((self.world.now_us, "select"))

    def transfer(self, data):
        self.log.append((self.world.now_us, data))
        return bytes(byte ^ 0xFF for byte in data)

    def deselect(self):
        self.log.append((self.world.now_us, "deselect"))
