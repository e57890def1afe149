"""States and counters as a file beside the store, for people and scripts without HTTP.

    something changed ──is there budget?──▶ written; counters alone every two seconds at most
                            └─ no, but a state changed ──▶ written, once in a minute at most
    nothing changed ──▶ not written

An SD card wears out by what is written to it. The budget fills slowly, so whoever looks right after a start
sees every change, and a gateway that has been there for months writes a few times an hour.
"""

import asyncio
import contextlib
import time
from pathlib import Path

from lyhord_gateway.support.metrics import Metrics

NOT_WRITTEN = "status_not_written"  # a counter
_EVERY_S = 2.0
_BUDGET = 60  # writes for counters alone: two minutes of every change …
_STATES_S = 60.0
_REFILL_S = 600.0  # … and then one in ten minutes, 144 a day


class Budget:
    """Writes that may be done now. now_mono_s: monotonic seconds."""

    def __init__(self, now_mono_s: float) -> None:
        self._left = float(_BUDGET)
        self._at_mono_s = now_mono_s

    def take(self, now_mono_s: float) -> bool:
        """True if one more may be done."""
        self._left = min(_BUDGET, self._left + (now_mono_s - self._at_mono_s) / _REFILL_S)
        self._at_mono_s = now_mono_s
        if self._left < 1:
            return False
        self._left -= 1
        return True


async def watch(metrics: Metrics, path: Path) -> None:
    """Writes what has changed, until cancelled."""
    budget = Budget(time.monotonic())
    written: dict[str, object] = {}
    written_mono_s = float("-inf")
    while True:
        metrics.state_changed.clear()
        found = metrics.snapshot()
        del found["time"]
        now_mono_s = time.monotonic()
        # A part that comes and goes for hours must not write for hours: then its states wait a minute.
        news = found.get("states") != written.get("states") and now_mono_s - written_mono_s >= _STATES_S
        if found != written and (budget.take(now_mono_s) or news) and write(metrics, path):
            written, written_mono_s = found, now_mono_s
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EVERY_S):
                await metrics.state_changed.wait()


def write(metrics: Metrics, path: Path) -> bool:
    """A full disk costs the status file, nothing else; False then."""
    try:
        metrics.write(path)
    except OSError:
        metrics.count(NOT_WRITTEN)
        return False
    return True
