"""Which reading costs the connection, or is refused whenever it comes.

    trusting ──a reading was under way at STRIKES losses──▶ careful: one reading at a time, suspects last
        ▲                                                      │
        ├── every suspect acknowledged: messages get shorter ──┤
        └── a suspect fails again while others pass: skipped ──┘

A platform that fails with every reading alike is at fault itself: then nothing is skipped, ever.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

STRIKES = 3
CONVICTED = STRIKES + 2
SHARE_MAX = 1024


class Suspicion:
    """Readings by arrival number; bounded by what can be under way at once."""

    def __init__(self) -> None:
        self._strikes: Counter[int] = Counter()
        self._others_pass = False
        self._found = False
        self.careful = False
        self.share = 1  # messages are this many times shorter than they may be

    def failed(self, readings: Iterable[int]) -> bool:
        """These were under way when the connection was lost, or in a message that was refused. True if that
        begins a time of care."""
        self._strikes.update(readings)
        if self.careful or max(self._strikes.values(), default=0) < STRIKES:
            return False
        self.careful, self._others_pass, self._found = True, False, False
        return True

    def passed(self, readings: Iterable[int]) -> None:
        """These were acknowledged."""
        if not self._strikes:
            return
        self._others_pass = self._others_pass or self.careful
        for reading in readings:
            self._strikes.pop(reading, None)
        self._relax()

    def convicted(self) -> Sequence[int]:
        """Those that have failed alone while others passed; each is named once."""
        if not self._others_pass:
            return ()
        found = [reading for reading, strikes in self._strikes.items() if strikes >= CONVICTED]
        for reading in found:
            del self._strikes[reading]
        self._found = self._found or bool(found)
        self._relax()
        return found

    def _relax(self) -> None:
        if self.careful and max(self._strikes.values(), default=0) < STRIKES:
            self.careful = False
            if not self._found and self.share < SHARE_MAX:
                self.share *= 2

    def strikes(self, reading: int) -> int:
        return self._strikes[reading]
