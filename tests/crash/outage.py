"""The platform is away while frames keep coming, as many as ten minutes of 200 frames a second bring.

They come as fast as the gateway takes them, for it is their number that counts. Then the platform is back.
"""

import asyncio
import json
import random
from collections.abc import Callable
from pathlib import Path

from tests.crash.stage import Stage, Totals, stage

NODES = 64
FRAMES = 600 * 200
_WAITING_MAX = 40  # samples that a node has and nobody else


async def run(folder: Path, frames: int, seed: int, say: Callable[[str], None] = print) -> Totals:
    """Plays the story with at least so many frames."""
    rng = random.Random(seed)
    totals = Totals()
    async with stage(folder, rng, NODES) as city:
        await city.gateway.start()
        city.fleet.burst(rng)
        await city.drained(totals)
        await city.relay.close()
        before = set(city.city.readings)
        await _frames(city, frames, say)
        await city.acknowledged()  # nodes notice nothing
        if city.city.readings.keys() != before:
            totals.faults.append("the platform was not away")
        (backlog,) = json.loads(await city.gateway.cli("backlog", "--json"))
        if backlog["waiting"] < len(city.fleet.acknowledged) - len(before):
            totals.faults.append("the backlog is shorter than what was acknowledged")
        say(f"  the platform is back, {backlog['waiting']} readings wait")
        await city.relay.open()
        await city.drained(totals)
        if await city.gateway.terminate() != 0:
            totals.faults.append("the gateway did not stop politely")
        city.judge(totals)
    totals.story = f"platform away for {totals.sends} frames, {backlog['waiting']} readings waited"
    return totals


async def _frames(city: Stage, frames: int, say: Callable[[str], None]) -> None:
    nodes = city.fleet.nodes
    said = 0
    while (sent := sum(node.sends for node in nodes)) < frames:
        for node in nodes:
            if node.taken - node.stored < _WAITING_MAX:
                node.take(_WAITING_MAX // 2)
        if sent - said >= 20_000:
            said = sent
            say(f"  {sent} frames")
        await asyncio.sleep(0.02)
