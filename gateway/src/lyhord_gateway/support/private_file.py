"""Files with keys in them: new, for their owner only, on the disk before anybody relies on them."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from lyhord_gateway.support.errors import UserError


def create_private(path: Path, lines: Sequence[str]) -> None:
    """Writes a file that was not there before, mode 0600. Raises UserError."""
    _write(path, lines, os.O_EXCL)


def append_private(path: Path, lines: Sequence[str]) -> None:
    """Writes to the end of a file of mode 0600, which is made if it is not there. Raises UserError."""
    _write(path, lines, os.O_APPEND)


def _write(path: Path, lines: Sequence[str], how: int) -> None:
    try:
        # No link is followed: /dev/stdout is one, and somebody else's trap would be one.
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | how, 0o600)
    except FileExistsError as error:
        raise UserError(f"{path}: expected a file that is not there yet") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    try:
        _check(path, handle)
        data = "".join(f"{line}\n" for line in lines).encode()
        while data:
            data = data[os.write(handle, data) :]
        os.fsync(handle)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
    finally:
        os.close(handle)


def _check(path: Path, handle: int) -> None:
    found = os.fstat(handle)
    if not stat.S_ISREG(found.st_mode):
        raise UserError(f"{path}: expected a plain file; keys go nowhere else")
    if found.st_mode & 0o077:
        raise UserError(f"{path}: expected mode 0600, others may read it")
