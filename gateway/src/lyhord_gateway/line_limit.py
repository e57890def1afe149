"""A flood of bad frames must not become a flood of log lines: counted all, logged few."""

_BURST = 5  # lines per reason …
_WINDOW_S = 10.0  # … in this time


class LineLimit:
    """At most 5 lines per reason in 10 s. Reasons come from fixed sets, so the memory is bounded."""

    def __init__(self) -> None:
        self._windows: dict[str, tuple[float, int]] = {}
        self._held_back: dict[str, int] = {}

    def admit(self, reason: str, now_s: float) -> int | None:
        """How many lines were held back since the last one, or None to hold this one back too."""
        start, lines = self._windows.get(reason, (now_s, 0))
        if now_s - start >= _WINDOW_S:
            start, lines = now_s, 0
        if lines >= _BURST:
            self._held_back[reason] = self._held_back.get(reason, 0) + 1
            return None
        self._windows[reason] = (start, lines + 1)
        return self._held_back.pop(reason, 0)


def more(held_back: int) -> str:
    """The end of a log line that says how many like it were held back."""
    return f" ({held_back} more like this)" if held_back else ""
