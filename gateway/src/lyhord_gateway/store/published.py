"""The readings as a platform was first sent them: one that is sent twice must be the same twice.

A better reception of a frame may reach us after its readings have gone out; without this, the repetition
after a lost PUBACK would tell another signal than the first delivery.
"""

import threading

from lyhord_gateway.model.reading import Reading
from lyhord_gateway.store.reader import Reader


class Published:
    """lock: held while pages are read, and while readings are changed up to the commit. high: the highest
    arrival number that any platform was shown."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.high = 0

    def part(self, reader: Reader, first: int, end: int, limit: int, late: bool) -> list[Reading]:
        """Readings for a platform, see `Reader.part`."""
        with self.lock:
            readings = reader.part(first, end, limit, late)
            if readings:
                self.high = max(self.high, readings[-1].arrival)
            return readings
