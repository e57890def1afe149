"""The search for a reading or announcement that costs the connection, or is refused whenever it comes.

    trusting ──one was under way at STRIKES losses──▶ careful: one at a time, candidates last
        ▲                                                  │
        ├── every candidate acknowledged: shorter messages ──┤
        └── a candidate fails again while readings pass: skipped

A platform that fails with every reading alike is at fault itself: then nothing is skipped, ever.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from lyhord_gateway.model.reading import Message

STRIKES = 3
PROVEN = STRIKES + 2
# An announcement waits for its node's next reading to come again, and nothing is lost with it.
PROVEN_ANNOUNCEMENT = STRIKES + 1
SHARE_MAX = 1024

Candidate = int | Message


def candidates(message: Message) -> Iterable[Candidate]:
    """An announcement itself, else the arrival numbers of the message's readings."""
    return [message] if message.about is not None else [reading.arrival for reading in message.readings]


class PoisonMessages:
    """Bounded by what can be under way at once."""

    def __init__(self) -> None:
        self._strikes: Counter[Candidate] = Counter()
        self._others_pass = False
        self._found = False
        self.careful = False
        self.share = 1  # messages are this many times shorter than they may be

    def failed(self, blamed: Iterable[Candidate]) -> bool:
        """These were under way when the connection was lost, or in a message that was refused. True if that
        begins a time of care."""
        self._strikes.update(blamed)
        if self.careful or max(self._strikes.values(), default=0) < STRIKES:
            return False
        self.careful, self._others_pass, self._found = True, False, False
        return True

    def passed(self, message: Message) -> None:
        """It was acknowledged."""
        if not self._strikes:
            return
        # A platform may take every announcement, and no reading.
        self._others_pass = self._others_pass or (self.careful and message.about is None)
        for one in candidates(message):
            self._strikes.pop(one, None)
        self._relax()

    def proven(self) -> Sequence[Candidate]:
        """Those that have failed alone while readings passed; each is named once."""
        if not self._others_pass:
            return ()
        found = [
            one
            for one, strikes in self._strikes.items()
            if strikes >= (PROVEN if isinstance(one, int) else PROVEN_ANNOUNCEMENT)
        ]
        for one in found:
            del self._strikes[one]
        self._found = self._found or bool(found)
        self._relax()
        return found

    def _relax(self) -> None:
        if self.careful and max(self._strikes.values(), default=0) < STRIKES:
            self.careful = False
            if not self._found and self.share < SHARE_MAX:
                self.share *= 2

    def strikes(self, one: Candidate) -> int:
        return self._strikes[one]

    def is_candidate(self, announcement: Message) -> bool:
        return self._strikes[announcement] >= STRIKES
