"""The user as whom the gateway runs: what root can read says nothing about what that one can."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lyhord_gateway.support.errors import UserError


@contextmanager
def as_user(name: str | None) -> Iterator[None]:
    """Within, files are opened as this user (None: as we are). Raises UserError."""
    if name is None:
        yield
        return
    try:
        user = pwd.getpwnam(name)
    except KeyError as error:
        raise UserError(f"--user {name}: expected a user of this machine") from error
    before = os.geteuid(), os.getegid(), os.getgroups()
    if before[0] == user.pw_uid:
        yield
        return
    try:
        os.setgroups(os.getgrouplist(name, user.pw_gid))
        os.setegid(user.pw_gid)
        os.seteuid(user.pw_uid)  # the last one: it takes the right to the others away
    except PermissionError as error:
        raise UserError(f"--user {name}: expected root, who may become another user") from error
    try:
        yield
    finally:
        os.seteuid(before[0])
        os.setegid(before[1])
        os.setgroups(before[2])


def owner_of(folder: Path) -> str | None:
    """The owner of the store's folder, if we are root and it is another's: the gateway's user."""
    if os.geteuid() != 0:
        return None
    try:
        uid = folder.stat().st_uid
        return None if uid == 0 else pwd.getpwuid(uid).pw_name
    except (OSError, KeyError):
        return None


def check_folder(folder: Path) -> None:
    """Raises UserError unless the store's folder can be used or made by the user that we are now."""
    place = folder
    while not place.exists() and place != place.parent:
        place = place.parent
    if not os.access(place, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        raise UserError(f"gateway.data_dir: {folder}: cannot be written by user {_name()}")


def _name() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())
