"""The stage of every story: nodes, their broker, a real gateway, the platform; and the verdict."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.crash.city import City, Identity
from tests.crash.fleet import Fleet
from tests.crash.relay import Relay
from tests.gateway.parts import DEADLINE_S, GatewayProcess, Mosquitto, until


@dataclass(slots=True)
class Totals:
    """story: what happened, in one line. destroyed: acknowledged samples that no platform had and that the
    damage itself has made unreadable; they are nobody's to lose."""

    story: str = ""
    sends: int = 0
    taken: int = 0
    acknowledged: int = 0
    delivered: int = 0
    delivered_again: int = 0
    destroyed: set[Identity] = field(default_factory=set)
    lost: list[Identity] = field(default_factory=list)
    doubled: list[Identity] = field(default_factory=list)
    wrong: list[Identity] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.wrong or self.faults)

    def lines(self) -> list[str]:
        destroyed = f", destroyed by the damage {len(self.destroyed)}" if self.destroyed else ""
        return [
            self.story,
            f"frames sent {self.sends}, samples taken {self.taken}, acknowledged {self.acknowledged}, "
            f"at the platform {self.delivered} (again {self.delivered_again})",
            f"acknowledged and lost {len(self.lost)}, doubled {len(self.doubled)}, "
            f"wrong {len(self.wrong)}{destroyed}",
            *self.faults[:10],
        ]


async def while_it_goes_on(number: Callable[[], int], done: Callable[[], bool], what: str) -> None:
    """Waits until done(), for as long as `number` changes: how fast it does is up to the machine."""
    while not done():
        before = number()
        await until(lambda before=before: number() != before or done(), what)


class Stage:
    """broker: the nodes', which keeps what they say while the gateway is dead. relay: the platform's address
    as the gateway knows it."""

    def __init__(
        self, folder: Path, fleet: Fleet, broker: Mosquitto, platform: Mosquitto, options: str
    ) -> None:
        self.fleet = fleet
        self.city = City()
        self.relay = Relay(platform.port)  # the way to the platform
        self.gateway = GatewayProcess(folder, self.relay.port, options + '[log]\nlevel = "warning"\n')
        own = f'[mqtt]\nlisten = "127.0.0.1"\nport = {self.gateway.port}\n'
        text = self.gateway.config.read_text()
        assert own in text
        other = f'[mqtt]\nembedded = false\nurl = "mqtt://127.0.0.1:{broker.port}"\n'
        self.gateway.config.write_text(text.replace(own, other))
        self.store = folder / "data" / "lyhord.db"

    @property
    def running(self) -> bool:
        return self.gateway.process is not None and self.gateway.process.returncode is None

    @property
    def state(self) -> str:
        """The store's, as the status file has it."""
        return self.part("store") or "up"

    def part(self, name: str) -> str | None:
        """The state of a part, as the status file has it."""
        state = self.gateway.status().get("states", {}).get(name)
        return None if state is None else str(state)

    async def acknowledged(self) -> None:
        """Until every sample that was taken is."""
        waiting = lambda: self.fleet.waiting  # noqa: E731
        await while_it_goes_on(waiting, lambda: not waiting(), "all is acknowledged")

    async def drained(self, totals: Totals) -> None:
        """Until every sample is acknowledged and at the platform; the gateway runs."""
        fleet, city = self.fleet, self.city
        try:
            await self.acknowledged()
            wanted = fleet.acknowledged - totals.destroyed
            await while_it_goes_on(
                lambda: len(city.readings), lambda: city.readings.keys() >= wanted, "the platform has all"
            )
            await until(
                lambda: not self.gateway.status().get("gauges", {}).get("platform.city.behind"),
                "nothing waits for the platform any more",
            )
        except TimeoutError:
            totals.faults.append("not everything came to an end: see the numbers above")

    def judge(self, totals: Totals) -> None:
        fleet, city = self.fleet, self.city
        totals.sends = sum(node.sends for node in fleet.nodes)
        totals.taken = len(fleet.taken)
        totals.acknowledged = len(fleet.acknowledged)
        totals.delivered = len(city.readings)
        totals.delivered_again = city.again
        totals.destroyed -= city.readings.keys()
        totals.lost = sorted(fleet.acknowledged - city.readings.keys() - totals.destroyed)
        totals.doubled += city.doubled
        totals.wrong = city.wrong + sorted(city.readings.keys() - fleet.taken)
        totals.faults += fleet.faults
        if "Traceback" in self.gateway.log.read_text():
            totals.faults.append(f"a traceback is in {self.gateway.log}")


@asynccontextmanager
async def stage(
    folder: Path,
    rng: random.Random,
    nodes: int,
    options: str = "",
    live: Callable[[Fleet], Coroutine[None, None, None]] | None = None,
    data_dir: Path | None = None,
) -> AsyncIterator[Stage]:
    """Nodes live and the platform listens; the gateway is not started yet. live: how nodes live that do not
    speak MQTT. data_dir: if not in `folder`."""
    fleet = Fleet(nodes, rng)
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Mosquitto(folder))
        platform = await stack.enter_async_context(Mosquitto(folder))
        made = Stage(folder, fleet, broker, platform, options)
        if data_dir is not None:
            (folder / "data").symlink_to(data_dir)
        await made.relay.open()
        stack.push_async_callback(made.relay.close)
        await made.gateway.add(*fleet.nodes)
        stack.push_async_callback(_dead, made)
        group = await stack.enter_async_context(_tasks())
        listening, living = asyncio.Event(), asyncio.Event()
        group.create_task(made.city.collect(platform.port, listening))
        if live is None:
            group.create_task(fleet.live(broker.port, living))
        else:
            group.create_task(live(fleet))
            living.set()
        async with asyncio.timeout(DEADLINE_S):
            await listening.wait()
            await living.wait()
        yield made


async def _dead(stage: Stage) -> None:
    if stage.running:
        await stage.gateway.kill()


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
