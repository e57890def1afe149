"""States and counters as a file beside the store, for people and scripts without HTTP."""

import asyncio
import contextlib
from pathlib import Path

from lyhord_gateway.metrics import Metrics

_EVERY_S = 2.0


async def watch(metrics: Metrics, path: Path) -> None:
    """Writes it at every change of a state, and now and then for the counters, until cancelled."""
    while True:
        metrics.state_changed.clear()
        write(metrics, path)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_EVERY_S):
                await metrics.state_changed.wait()


def write(metrics: Metrics, path: Path) -> None:
    """A full disk costs the status file, nothing else."""
    try:
        metrics.write(path)
    except OSError:
        metrics.count("status_not_written")
