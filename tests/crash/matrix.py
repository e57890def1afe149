"""SIGKILL at seeded random moments of one long story: nodes, their broker, the gateway, the platform.

    receive ──▶ commit ──▶ acknowledge ──▶ publish ──▶ PUBACK ──▶ cursor, delete

All kills hit the same store; what is under way at a kill is what the next start has to cope with.
"""

import asyncio
import random
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.city import City
from tests.crash.fleet import Fleet
from tests.crash.wreck import Wreck, look
from tests.gateway.parts import DEADLINE_S, GatewayProcess, Mosquitto, until

NODES = 16
_BURST_S = 0.15  # a kill comes at most that long after a burst of frames
_START_S = 0.9  # one in eight comes while the gateway starts
_DRAIN_S = 60.0
# The store is nearly at its bound (1 MiB) from the beginning, so that delivered history goes all the time.
_BALLAST = 880_000

STAGES = ("starting", "received", "committed", "acknowledged", "published", "idle")


@dataclass(slots=True)
class Totals:
    """stages: at which stage samples were when a kill came (one kill may catch several)."""

    kills: int = 0
    sends: int = 0
    taken: int = 0
    acknowledged: int = 0
    delivered: int = 0
    delivered_again: int = 0
    deletions: int = 0
    stages: Counter[str] = field(default_factory=Counter)
    lost: list[tuple[int, int]] = field(default_factory=list)
    doubled: list[tuple[int, int]] = field(default_factory=list)
    wrong: list[tuple[int, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.wrong or self.faults)

    def lines(self) -> list[str]:
        stages = ", ".join(f"{stage} {self.stages[stage]}" for stage in STAGES)
        return [
            f"kills {self.kills}: samples caught {stages}; starts that deleted history {self.deletions}",
            f"frames sent {self.sends}, samples taken {self.taken}, acknowledged {self.acknowledged}, "
            f"at the platform {self.delivered} (again {self.delivered_again})",
            f"acknowledged and lost {len(self.lost)}, doubled {len(self.doubled)}, wrong {len(self.wrong)}",
            *self.faults[:10],
        ]


async def run(folder: Path, kills: int, seed: int, say: Callable[[str], None] = print) -> Totals:
    """Plays the story; raises TimeoutError if the gateway does not deliver after the last kill."""
    rng = random.Random(seed)
    totals = Totals()
    fleet = Fleet(NODES, rng)
    city = City()
    async with AsyncExitStack() as stack:
        nodes_broker = await stack.enter_async_context(Mosquitto(folder))
        platform = await stack.enter_async_context(Mosquitto(folder))
        gateway = GatewayProcess(
            folder,
            platform.port,
            '[store]\nmax_mb = 1\n[log]\nlevel = "warning"\n',
        )
        _use_broker(gateway, nodes_broker.port)
        await gateway.add(*fleet.nodes)
        store = folder / "data" / "lyhord.db"
        _load_ballast(store)
        stack.push_async_callback(_dead, gateway)
        group = await stack.enter_async_context(_tasks())
        ready = asyncio.Event(), asyncio.Event()
        collector = group.create_task(city.collect(platform.port, ready[0]))
        living = group.create_task(fleet.live(nodes_broker.port, ready[1]))
        async with asyncio.timeout(DEADLINE_S):
            for event in ready:
                await event.wait()
        oldest: int | None = None
        for _ in range(kills):
            starting = rng.random() < 0.125
            if starting:
                fleet.burst(rng)
                start = asyncio.create_task(gateway.start())
                await asyncio.wait([start], timeout=rng.uniform(0, _START_S))
                start.cancel()
                await asyncio.wait([start])
            else:
                await gateway.start()
                fleet.burst(rng)
                await asyncio.sleep(_BURST_S * rng.random())
            if gateway.process is not None and gateway.process.returncode is None:
                await gateway.kill()
            totals.kills += 1
            wreck = look(store)
            _note_stages(totals, starting, wreck, fleet, city)
            totals.doubled += wreck.doubled
            totals.deletions += oldest is not None and wreck.oldest is not None and wreck.oldest > oldest
            oldest = wreck.oldest
            if totals.kills % 20 == 0:
                say(f"  {totals.kills} kills, {len(city.readings)} samples at the platform")
        await gateway.start()
        try:
            await until(lambda: fleet.acknowledged == fleet.taken, "all is acknowledged", _DRAIN_S)
            await until(
                lambda: gateway.status().get("gauges", {}).get("platform.city.behind") == 0,
                "nothing waits for the platform any more",
                _DRAIN_S,
            )
            # A PUBACK comes from the broker; its last messages may still be on their way to us.
            await until(lambda: city.readings.keys() >= fleet.acknowledged, "the platform has all", 5.0)
        except TimeoutError:
            totals.faults.append("not everything came to an end: see the numbers above")
        if await gateway.terminate() != 0:
            totals.faults.append("the gateway did not stop politely")
        totals.doubled += look(store).doubled
        collector.cancel()
        living.cancel()
    _judge(totals, fleet, city, gateway)
    return totals


def _judge(totals: Totals, fleet: Fleet, city: City, gateway: GatewayProcess) -> None:
    totals.sends = sum(node.sends for node in fleet.nodes)
    totals.taken = len(fleet.taken)
    totals.acknowledged = len(fleet.acknowledged)
    totals.delivered = len(city.readings)
    totals.delivered_again = city.again
    totals.lost = sorted(fleet.acknowledged - city.readings.keys())
    totals.doubled += city.doubled
    totals.wrong = city.wrong + sorted(city.readings.keys() - fleet.taken)
    totals.faults += fleet.faults
    if "Traceback" in gateway.log.read_text():
        totals.faults.append(f"a traceback is in {gateway.log}")


def _note_stages(totals: Totals, starting: bool, wreck: Wreck, fleet: Fleet, city: City) -> None:
    """Where samples were when the kill came, as far as one can tell from outside."""
    acknowledged = fleet.acknowledged
    delivered = city.readings.keys()
    waiting = {identity for identity, arrival in wreck.samples.items() if arrival > wreck.cursor}
    caught = {
        "starting": starting,
        "received": fleet.taken - wreck.samples.keys() - acknowledged - delivered,
        "committed": wreck.samples.keys() - acknowledged,
        "acknowledged": (waiting & acknowledged) - delivered,
        "published": waiting & delivered,
    }
    hit = [stage for stage, samples in caught.items() if samples]
    totals.stages.update(hit or ["idle"])


def _use_broker(gateway: GatewayProcess, port: int) -> None:
    """Nodes have a broker of their own, which keeps what they say while the gateway is dead."""
    text = gateway.config.read_text()
    own = f'[mqtt]\nlisten = "127.0.0.1"\nport = {gateway.port}\n'
    assert own in text
    gateway.config.write_text(
        text.replace(own, f'[mqtt]\nembedded = false\nurl = "mqtt://127.0.0.1:{port}"\n')
    )


def _load_ballast(store: Path) -> None:
    connection = sqlite3.connect(store)
    with connection:
        connection.execute("INSERT INTO kept (key, value) VALUES ('ballast', zeroblob(?))", (_BALLAST,))
    connection.close()


async def _dead(gateway: GatewayProcess) -> None:
    if gateway.process is not None and gateway.process.returncode is None:
        await gateway.kill()


class _tasks:
    """Tasks that end with the story; the first one that fails is raised, not forgotten."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []

    def create_task(self, work: object) -> asyncio.Task[None]:
        task = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self._tasks.append(task)
        return task  # type: ignore[no-any-return]

    async def __aenter__(self) -> "_tasks":
        return self

    async def __aexit__(self, *exc: object) -> None:
        for task in self._tasks:
            task.cancel()
        for result in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result
