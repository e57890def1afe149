"""The check that the code in the flash is what was built: `/hashes` has a hash of each file of the image.

Checked after a start that came to no end, and by the console's `verify`; on the wakes of a node that works it
would cost more than the wake.
"""

from binascii import hexlify
from hashlib import sha256

_HASHES = "/hashes"  # a line per file: 12 hex digits of its SHA-256, a space, its path
_DIGITS = 12


def damaged(hashes=_HASHES):
    """Yields the path of each file that is not as it was built, or is gone; `hashes` itself where that is."""
    try:
        with open(hashes) as listed:
            for line in listed:
                expected, _, path = line.strip().partition(" ")
                if _hash(path) != expected:
                    yield path
    except (OSError, ValueError):  # gone, or no text any more
        yield hashes


def _hash(path):
    digest = sha256()
    page = bytearray(512)
    view = memoryview(page)
    try:
        with open(path, "rb") as file:
            size = file.readinto(page)
            while size:
                digest.update(view[:size])
                size = file.readinto(page)
    except OSError:
        return None
    return hexlify(digest.digest()).decode()[:_DIGITS]
