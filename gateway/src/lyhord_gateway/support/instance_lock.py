"""One process works on a store: two would give out the same counters."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from lyhord_gateway.support.errors import UserError


@contextlib.contextmanager
def instance_lock(data_dir: Path) -> Iterator[None]:
    """Holds the folder's lock; raises UserError if another process has it, or the folder cannot be used."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise UserError(f"{data_dir}: gateway.data_dir cannot be used ({error.strerror})") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise UserError(f"{data_dir}: another lyhord-gateway is running on this gateway.data_dir") from error
    try:
        yield
    finally:
        os.close(lock)
