"""The order in which the stages end: what one of them still keeps at its end, the store takes."""

import asyncio
from types import SimpleNamespace
from typing import Any

from lyhord_gateway import app

_WATCHES = 40  # so many that a chance order would not hold


async def test_the_store_ends_after_all_that_keep_something_at_their_end() -> None:
    ended: list[str] = []
    running: set[str] = set()
    stop = asyncio.Event()

    async def stage(name: str) -> None:
        running.add(name)
        if len(running) == _WATCHES + 5:
            stop.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(name)

    names = [f"watch {number}" for number in range(_WATCHES)]
    stages: Any = SimpleNamespace(
        store=SimpleNamespace(run=lambda: stage("store")),
        sources={"radio": SimpleNamespace(run=lambda: stage("radio"))},
        publishers={},
        brokers=[SimpleNamespace(part="broker", watch=lambda: stage("broker"))],
        operation=SimpleNamespace(
            watches=lambda parts, positions: {name: stage(name) for name in names},
            ready=lambda: None,
            stopping=lambda: None,
            stopped=lambda: None,
        ),
        maintenance=SimpleNamespace(run=lambda: stage("maintenance")),
        clock=SimpleNamespace(watch=lambda: stage("clock")),
        parts=[],
    )
    await app._run(stages, stop)
    assert ended[0] == "radio"
    assert sorted(ended[1:-1]) == sorted([*names, "broker", "maintenance", "clock"])
    assert ended[-1] == "store"
