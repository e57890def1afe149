"""Secrets come from files that only their owner may read, and never show in a log or traceback."""

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from lyhord_gateway.support.errors import UserError
from lyhord_wire.outside import NotText, lines_of

_API_KEY = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """User name and password of one broker; a ThingsBoard user name is a token, so both hide."""

    user: str = field(repr=False)
    password: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """The key of a service group at a platform."""

    text: str = field(repr=False)


def read_credentials(where: str, path: Path) -> Credentials:
    """User name on the first line, password (optional) on the second; raises UserError.

    where: file and key of the configuration that names `path`, for the message.
    """
    check_private(where, path)
    lines = _lines(where, path)
    if not 1 <= len(lines) <= 2 or not lines[0]:
        raise UserError(f"{where}: {path}: expected the user name on line 1 and the password on line 2")
    if not all(map(str.isprintable, lines)):
        raise UserError(f"{where}: {path}: expected no control characters")
    return Credentials(lines[0], lines[1] if len(lines) == 2 else None)


def read_api_key(where: str, path: Path) -> ApiKey:
    """One line of letters, digits, `-`, `_` and `.`, as it goes into a topic; raises UserError."""
    check_private(where, path)
    lines = _lines(where, path)
    if len(lines) != 1 or not _API_KEY.fullmatch(lines[0].strip()):
        raise UserError(f"{where}: {path}: expected one line of letters, digits, - _ and . only")
    return ApiKey(lines[0].strip())


def _lines(where: str, path: Path) -> list[str]:
    """Spaces at the ends are the writer's own: a password may have them."""
    try:
        return lines_of(path.read_bytes())
    except NotText as error:
        raise UserError(f"{where}: {path}: {error}") from error


def check_private(where: str, path: Path) -> None:
    """Raises UserError unless `path` can be read, by its owner only."""
    try:
        with path.open("rb"):
            mode = path.stat().st_mode
    except OSError as error:
        raise UserError(f"{where}: {path} cannot be read ({error.strerror})") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UserError(f"{where}: {path}: expected mode 0600, others may use it now")
