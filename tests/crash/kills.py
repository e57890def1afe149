"""SIGKILL at seeded random moments of one long story: nodes, their broker, the gateway, the platform.

    receive ──▶ commit ──▶ acknowledge ──▶ publish ──▶ PUBACK ──▶ cursor, delete

All kills hit the same store; what is under way at a kill is what the next start has to cope with.
"""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from tests.crash.stage import Stage, Totals, stage
from tests.crash.wreck import Wreck, look

NODES = 16
_BURST_S = 0.15  # a kill comes at most that long after a burst of frames
_START_S = 0.9  # one in eight comes while the gateway starts
# The store is nearly at its bound (1 MiB) from the beginning, so that delivered history goes all the time.
_BALLAST = 880_000

STAGES = ("starting", "received", "committed", "acknowledged", "published", "idle")


async def run(folder: Path, kills: int, seed: int, say: Callable[[str], None] = print) -> Totals:
    """Plays the story."""
    rng = random.Random(seed)
    totals = Totals()
    caught: Counter[str] = Counter()
    deletions = 0
    async with stage(folder, rng, NODES, "[store]\nmax_mb = 1\n") as city:
        _load_ballast(city.store)
        oldest: int | None = None
        for kill in range(1, kills + 1):
            starting = rng.random() < 0.125
            await _until_a_moment(city, starting, rng)
            if city.running:
                await city.gateway.kill()
            wreck = look(city.store)
            caught.update(_stages(starting, wreck, city))
            totals.doubled += wreck.doubled
            deletions += oldest is not None and wreck.oldest is not None and wreck.oldest > oldest
            oldest = wreck.oldest
            if kill % 20 == 0:
                say(f"  {kill} kills, {len(city.city.readings)} samples at the platform")
        await city.gateway.start()
        await city.drained(totals)
        if await city.gateway.terminate() != 0:
            totals.faults.append("the gateway did not stop politely")
        totals.doubled += look(city.store).doubled
        city.judge(totals)
    stages = ", ".join(f"{name} {caught[name]}" for name in STAGES)
    totals.story = f"kills {kills}: samples caught {stages}; starts that deleted history {deletions}"
    return totals


async def _until_a_moment(city: Stage, starting: bool, rng: random.Random) -> None:
    if starting:
        city.fleet.burst(rng)
        start = asyncio.create_task(city.gateway.start())
        await asyncio.wait([start], timeout=rng.uniform(0, _START_S))
        start.cancel()
        await asyncio.wait([start])
    else:
        await city.gateway.start()
        city.fleet.burst(rng)
        await asyncio.sleep(_BURST_S * rng.random())


def _stages(starting: bool, wreck: Wreck, city: Stage) -> list[str]:
    """The stages of the samples when the kill came (several at once), as far as one can tell from outside."""
    acknowledged = city.fleet.acknowledged
    delivered = city.city.readings.keys()
    waiting = {identity for identity, arrival in wreck.samples.items() if arrival > wreck.cursor}
    caught = {
        "starting": starting,
        "received": city.fleet.taken - wreck.samples.keys() - acknowledged - delivered,
        "committed": wreck.samples.keys() - acknowledged,
        "acknowledged": (waiting & acknowledged) - delivered,
        "published": waiting & delivered,
    }
    return [stage for stage, samples in caught.items() if samples] or ["idle"]


def _load_ballast(store: Path) -> None:
    connection = sqlite3.connect(store)
    with connection:
        connection.execute("INSERT INTO kept (key, value) VALUES ('ballast', zeroblob(?))", (_BALLAST,))
    connection.close()
