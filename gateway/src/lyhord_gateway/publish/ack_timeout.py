"""The time that a platform may be silent about messages under way before its connection is given up.

    usual ──silent for so long──▶ twice as long, up to the most that is borne
      ▲                                  │
      └── PUBACKs: twice what the last one took, but never less than usual

Slow is not gone: what is sent again because its PUBACK took too long comes there twice, and if we never wait
longer, for ever.
"""


class AckTimeout:
    """usual_s, most_s: its bounds. seconds: as it is now."""

    def __init__(self, usual_s: float, most_s: float) -> None:
        self._usual_s = usual_s
        self._most_s = most_s
        self.seconds = usual_s

    @property
    def tried(self) -> bool:
        """The platform has been slower than usual."""
        return self.seconds > self._usual_s

    def silent(self) -> bool:
        """A connection was given up for silence. True if the next one is given longer."""
        before = self.seconds
        self.seconds = min(2 * before, self._most_s)
        return self.seconds > before

    def answered(self, after_s: float) -> None:
        """A PUBACK has come so long after its message."""
        self.seconds = min(max(2 * after_s, self._usual_s), self._most_s)
