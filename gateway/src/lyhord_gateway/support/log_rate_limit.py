"""A flood of bad frames must not become a flood of log lines: counted all, logged few."""

_BURST = 5  # lines per reason …
_WINDOW_S = 10.0  # … in this time
_REASONS_MAX = 256  # what has been silent longest is forgotten beyond that


class LogRateLimit:
    """At most `burst` lines per reason in 10 s."""

    def __init__(self, burst: int = _BURST) -> None:
        self._burst = burst
        self._windows: dict[str, tuple[float, int]] = {}
        self._held_back: dict[str, int] = {}

    def admit(self, reason: str, now_mono_s: float) -> int | None:
        """The number of lines that were held back since the last one, or None to hold this one back too."""
        start_mono_s, lines = self._windows.pop(reason, (now_mono_s, 0))
        if now_mono_s - start_mono_s >= _WINDOW_S:
            start_mono_s, lines = now_mono_s, 0
        if held_back := lines >= self._burst:
            self._held_back[reason] = self._held_back.get(reason, 0) + 1
        self._windows[reason] = start_mono_s, lines + (not held_back)
        if len(self._windows) > _REASONS_MAX:
            oldest = next(iter(self._windows))
            del self._windows[oldest]
            self._held_back.pop(oldest, None)
        return None if held_back else self._held_back.pop(reason, 0)


def more(held_back: int) -> str:
    """The end of a log line that says how many like it were held back."""
    return f" ({held_back} more like this)" if held_back else ""
