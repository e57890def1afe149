"""Files with keys in them: for their owner only, whole or not at all, never behind a link.

    replace_private   a new file beside the old one, synced, then put in its place; the old one is blanked
    create_private    a file that was not there before

What a system lacks (Windows has neither modes nor `O_NOFOLLOW`) is left out here and nowhere else.
"""

import errno
import os
import stat
from pathlib import Path

from lyhord_tools.errors import ToolError

_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_BINARY = getattr(os, "O_BINARY", 0)
_POSIX = os.name == "posix"
_HEX = "0123456789abcdefABCDEF"
_KEY_LIKE = 16  # hex digits that no file is called by


def read_private(path: Path, create: bool = False) -> bytes:
    """The file's bytes; it is given mode 0600. create: an empty one if there is none. Raises ToolError for a
    link, a second name, and what is no plain file."""
    refuse_secret(path)
    try:
        # Nothing is waited for: opening a pipe would.
        handle = os.open(path, os.O_RDWR | (os.O_CREAT if create else 0) | _NO_LINK | _BINARY, 0o600)
    except OSError as fault:
        why = "it is a link; name the file itself" if fault.errno == errno.ELOOP else fault.strerror
        raise ToolError(f"cannot open {path}: {why}") from fault
    with os.fdopen(handle, "rb") as file:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise ToolError(f"{path}: expected a plain file of one name; keys go nowhere else")
        try:
            os.chmod(handle if _POSIX else path, 0o600)
        except OSError as fault:
            raise ToolError(f"{path}: cannot be given mode 0600: {fault.strerror}") from fault
        return file.read()


def refuse_secret(path: Path) -> None:
    """A key that stands where a file's name belongs must not be quoted as a file that is missing. Raises
    ToolError."""
    digits = str(path).removeprefix("0x").removeprefix("0X").replace(":", "").replace(" ", "")
    if len(digits) >= _KEY_LIKE and all(digit in _HEX for digit in digits) and not path.exists():
        raise ToolError("expected the name of a file, not a key; a key on a command line is seen by others")


def create_private(path: Path, text: str | bytes) -> None:
    """Writes a file that was not there before, mode 0600. Raises ToolError."""
    try:
        _write(path, text)
    except FileExistsError as fault:
        raise ToolError(f"{path}: expected a file that is not there yet") from fault
    except OSError as fault:
        path.unlink(missing_ok=True)  # half of it is worse than none
        raise ToolError(f"cannot write {path}: {fault.strerror}") from fault


def replace_private(path: Path, text: str) -> None:
    """Puts `text` in the place of an existing private file. Raises ToolError; then the file is as it was."""
    fresh = path.with_name(path.name + ".new")
    try:
        fresh.unlink(missing_ok=True)
        _write(fresh, text)
        if not _POSIX:
            fresh.replace(path)
            return
        before = os.open(path, os.O_RDWR | _NO_LINK)
        try:
            fresh.replace(path)
            _sync_folder(path.parent)
            # A key that is out of the way is not gone: what stood on the disk is written over.
            os.pwrite(before, b" " * os.fstat(before).st_size, 0)
            os.fsync(before)
        finally:
            os.close(before)
    except OSError as fault:
        raise ToolError(f"cannot write {path}: {fault.strerror}") from fault


def _write(path: Path, text: str | bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_LINK | _BINARY, 0o600)
    try:
        data = text if isinstance(text, bytes) else text.encode()
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    finally:
        os.close(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
