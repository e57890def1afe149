"""The settings of Python's interpreter for a process that lives for years and has one busy event loop."""

import asyncio
import gc
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

_THREADS = 4  # of a bridge: one opens, one reads, one writes, one closes; a platform's only connects
# The writer's thread gives the interpreter lock away at every statement and must get it back soon.
_SWITCH_S = 0.0005
_GC = (50_000, 20, 100)
_ENDING_S = 0.7  # a task that was cancelled has this long …
_ENDINGS = 2  # … this often


def tune() -> None:
    """To be called once, when everything is imported."""
    sys.setswitchinterval(_SWITCH_S)
    gc.set_threshold(*_GC)
    gc.freeze()


def waiting_threads(platforms: int, radios: int) -> ThreadPoolExecutor:
    """For calls that block. A name look-up or a connect may hang for half a minute, and asyncio's own pool
    has four threads more than the machine has cores: a few hanging platforms would hold up all others.
    Threads are started as they are needed."""
    return ThreadPoolExecutor(_THREADS * (1 + platforms + radios), "waiting")


async def end(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancels tasks; one that is still saying goodbye to a peer that does not answer is cancelled again."""
    pending = set(tasks)
    for _ in range(_ENDINGS):
        for task in pending:
            task.cancel()
        if pending:
            _, pending = await asyncio.wait(pending, timeout=_ENDING_S)
