"""The store's file is damaged while the gateway is dead; it recovers what can be read, and life goes on.

What no platform had and lay on a destroyed page is told apart: nobody can read it any more.
"""

import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.crash.stage import Stage, Totals, stage
from tests.gateway.parts import until

NODES = 12
_PAGE = 4096
_FRAME = _PAGE + 24
KINDS = ("header", "inner pages", "index", "pointer map", "page of readings", "log")
_INNER = "pagetype = 'internal' AND pageno > 1"


async def run(folder: Path, times: int, seed: int, say: Callable[[str], None] = print) -> Totals:
    """Plays the story: so many times damage, one kind after the other."""
    rng = random.Random(seed)
    totals = Totals()
    order = rng.sample(KINDS, len(KINDS))
    kinds = [order[time % len(KINDS)] for time in range(times)]
    async with stage(folder, rng, NODES) as city:
        city.fleet.forgive()
        await city.gateway.start()
        for node in city.fleet.nodes:
            node.take(20)
        await city.drained(totals)
        for kind in kinds:
            if kind != "log":
                await city.relay.close()  # so that something waits
            for _ in range(4):
                await _burst(city, rng)
            if kind == "log":
                await city.drained(totals)  # nobody could tell what was in the hole
            while kind == "inner pages" and not _inner_pages(city.store):  # a fresh store is small
                await _burst(city, rng)
            await city.gateway.kill()
            totals.destroyed |= damage(city.store, kind, rng)
            await city.gateway.start()
            if "is damaged" not in city.gateway.log.read_text():
                totals.faults.append(f"the damage was not noticed: {kind}")
            await city.gateway.kill()  # a recovered store is a store like any other
            await city.gateway.start()
            if kind != "log":
                await city.relay.open()
            await city.drained(totals)
            city.gateway.log.write_text(city.gateway.log.read_text().replace("is damaged", "was damaged"))
            say(f"  {kind}: {len(city.city.readings)} samples at the platform")
        if await city.gateway.terminate() != 0:
            totals.faults.append("the gateway did not stop politely")
        city.judge(totals)
    totals.story = f"store damaged {len(kinds)} times ({', '.join(sorted(set(kinds)))})"
    return totals


async def _burst(city: Stage, rng: random.Random) -> None:
    """Nodes take samples and some are stored; the others may be under way."""
    before = city.fleet.acknowledged
    city.fleet.burst(rng)
    await until(lambda: city.fleet.acknowledged != before, "something is stored")


def damage(store: Path, kind: str, rng: random.Random) -> set[tuple[int, int]]:
    """Damages the store of a dead gateway; which readings it makes unreadable."""
    if kind == "log":
        log = store.with_name(store.name + "-wal")
        frames = (log.stat().st_size - 32) // _FRAME
        _overwrite(log, 32 + rng.randrange(frames // 2) * _FRAME, rng.randbytes(_FRAME))
        return set()
    connection = sqlite3.connect(store)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    readings = connection.execute("SELECT node, seq FROM sample ORDER BY id").fetchall()
    leaves = connection.execute(
        "SELECT pageno, ncell FROM dbstat WHERE name = 'sample' AND pagetype = 'leaf' ORDER BY path"
    ).fetchall()
    where = {
        "header": [1],
        "pointer map": [2],
        "page of readings": [rng.choice(leaves)[0]],
        "inner pages": _pages(connection, _INNER),
        "index": _pages(connection, "name LIKE 'sqlite_autoindex_sample%'"),
    }[kind]
    connection.close()
    for page in where:
        _overwrite(store, (page - 1) * _PAGE, bytes(100 if kind == "header" else _PAGE))
    destroyed: set[tuple[int, int]] = set()
    for page, cells in leaves:
        here, readings = readings[:cells], readings[cells:]
        if page in where:
            destroyed |= set(here)
    return destroyed


def _inner_pages(store: Path) -> list[int]:
    with closing(sqlite3.connect(store)) as connection:
        return _pages(connection, _INNER)


def _pages(connection: sqlite3.Connection, condition: str) -> list[int]:
    found = connection.execute(f"SELECT pageno FROM dbstat WHERE {condition}").fetchall()  # noqa: S608
    return [page for (page,) in found]


def _overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)
