"""The scenes that are measured: from sealed frames at a source to the platform, with the durable store on."""

import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tests.bench.parts import DEADLINE_S, Broker, Gateway, Used, Worker, worker


@dataclass(frozen=True, slots=True)
class Scene:
    """source: udp or mqtt; frames: in one round."""

    name: str
    source: str
    nodes: int
    samples: int
    frames: int


@dataclass(frozen=True, slots=True)
class Result:
    """Medians of the rounds; rates from the first frame sent to the last reading at the platform. cpu_us:
    of the gateway's process per frame; busy: cores it used; peak_mb: over all rounds; waits: share of the
    time in which its event loop could have gone on, but somebody else had the core."""

    name: str
    samples_s: float
    frames_s: float
    cpu_us_frame: float
    busy: float
    peak_mb: float
    waits: float
    p50_ms: float | None = None
    p99_ms: float | None = None

    @property
    def cpu_us_sample(self) -> float:
        return self.cpu_us_frame * self.frames_s / self.samples_s

    def json(self) -> dict[str, object]:
        return asdict(self) | {"cpu_us_sample": self.cpu_us_sample}


class Wrong(Exception):
    """Readings that did not arrive exactly once, or are not what was measured."""


@dataclass(slots=True)
class Stage:
    """All processes, started and connected. taken: readings that must have arrived by now."""

    scene: Scene
    broker: Broker
    gateway: Gateway
    nodes: Worker
    city: Worker
    taken: int = 0

    async def judge(self) -> None:
        found = await self.city.do("judge")
        if found != {"distinct": self.taken, "again": 0, "wrong": 0}:
            raise Wrong(f"{self.scene.name}: of {self.taken} readings the platform has {found}")


@contextlib.asynccontextmanager
async def staged(scene: Scene, folder: Path) -> AsyncIterator[Stage]:
    folder.mkdir()  # noqa: ASYNC240
    async with Broker(folder) as broker:
        gateway = Gateway(folder, broker.port, scene.source, scene.nodes)
        port = gateway.udp if scene.source == "udp" else gateway.port
        async with (
            gateway,
            worker("tests.bench.sender", scene.source, str(port), str(scene.nodes)) as nodes,
            worker("tests.bench.platform", str(folder)) as city,
        ):
            await city.do("connect", port=broker.port)
            yield Stage(scene, broker, gateway, nodes, city)
            await city.do("leave")


async def burst(stage: Stage, frames: int) -> Result:
    """One round at full speed."""
    scene = stage.scene
    readings = frames * scene.samples
    await stage.nodes.do("seal", frames=frames, samples=scene.samples)
    before = stage.gateway.used()
    await stage.city.tell("take", readings=readings, deadline_s=DEADLINE_S)
    sent = await stage.nodes.do("burst")
    took = await stage.city.hear(2 * DEADLINE_S)
    after = stage.gateway.used()
    stage.taken += readings
    await stage.judge()
    return _result(scene, frames, took["last_s"] - sent["sent_s"], before, after)


async def throughput(scenes: Sequence[Scene], folder: Path, rounds: int) -> list[tuple[Result, Result]]:
    """Of each scene: how it goes while each node is heard for the first time since the start, and how from
    then on. The scenes' rounds take turns, so that a slow minute of the machine is every scene's."""
    async with contextlib.AsyncExitStack() as stack:
        stages = [
            await stack.enter_async_context(staged(scene, folder / scene.name.replace(" ", "-")))
            for scene in scenes
        ]
        firsts = [await burst(stage, stage.scene.nodes) for stage in stages]
        turns = [[await burst(stage, stage.scene.frames) for stage in stages] for _ in range(rounds)]
    return [
        (replace(first, name=f"{first.name}: first"), median(steady))
        for first, *steady in zip(firsts, *turns, strict=True)
    ]


async def latency(scene: Scene, folder: Path, rate: float, rounds: int) -> Result:
    """Frames one by one at random moments, `rate` a second."""
    async with staged(scene, folder) as stage:
        return median([await paced(stage, scene.frames, rate) for _ in range(rounds)])


async def paced(stage: Stage, frames: int, rate: float) -> Result:
    scene, file = stage.scene, stage.gateway.folder / "sent.json"
    readings = frames * scene.samples
    await stage.nodes.do("seal", frames=frames, samples=scene.samples)
    before, start_s = stage.gateway.used(), time.monotonic()
    await stage.city.tell("take", readings=readings, deadline_s=DEADLINE_S)
    await stage.nodes.tell("pace", rate=rate, file=str(file))
    await stage.nodes.hear(frames / rate * 2 + DEADLINE_S)
    await stage.city.hear(2 * DEADLINE_S)
    after, seconds = stage.gateway.used(), time.monotonic() - start_s
    stage.taken += readings
    await stage.judge()
    took_ms = [1000 * late for late in (await stage.city.do("latency", file=str(file)))["latency_s"]]
    return _result(scene, frames, seconds, before, after, took_ms)


async def backlog(scene: Scene, folder: Path, live: int, rate: float) -> tuple[Result, Result]:
    """The platform is away while everything comes in; then it drains beside `live` fresh frames. Returns
    how it filled and how it drained, with the latency of the fresh ones."""
    async with staged(scene, folder) as stage:
        readings = scene.frames * scene.samples
        await stage.nodes.do("seal", frames=scene.frames, samples=scene.samples)
        await stage.broker.stop()
        await stage.gateway.reaches("platform.city", "down")
        before, start_s = stage.gateway.used(), time.monotonic()
        await stage.nodes.do("burst")
        filled = stage.gateway.used()
        fill_s = time.monotonic() - start_s
        file = folder / "sent.json"
        await stage.nodes.do("seal", frames=live, samples=scene.samples)
        await stage.broker.start()
        await stage.city.do("connect", port=stage.broker.port)
        # The platform may still be in the gateway's pause between two attempts: the clock starts at the
        # first reading, and so do the fresh ones.
        await stage.city.tell("take", readings=readings + live * scene.samples, deadline_s=DEADLINE_S)
        await stage.gateway.reaches("platform.city", "up")
        await stage.nodes.do("pace", rate=rate, file=str(file))
        await stage.city.hear(2 * DEADLINE_S)
        drained = stage.gateway.used()
        stage.taken = readings + live * scene.samples
        await stage.judge()
        span = await stage.city.do("drain", below=readings // scene.nodes)
        took_ms = [1000 * late for late in (await stage.city.do("latency", file=str(file)))["latency_s"]]
        drain_s = span["last_s"] - span["first_s"]
        fill = _result(scene, scene.frames, fill_s, before, filled)
        drain = _result(scene, scene.frames, drain_s, filled, drained, took_ms)
        return replace(fill, name=f"{scene.name}: fill"), replace(drain, name=f"{scene.name}: drain")


def _result(
    scene: Scene, frames: int, seconds: float, before: Used, after: Used, took_ms: list[float] | None = None
) -> Result:
    """took_ms: from each frame to the platform, ascending."""
    cpu_s = after.cpu_s - before.cpu_s
    return Result(
        scene.name,
        frames * scene.samples / seconds,
        frames / seconds,
        cpu_s / frames * 1e6,
        cpu_s / seconds,
        after.peak_mb,
        (after.waited_s - before.waited_s) / seconds,
        _rank(took_ms, 0.5) if took_ms else None,
        _rank(took_ms, 0.99) if took_ms else None,
    )


def _rank(ascending: list[float], share: float) -> float:
    return ascending[min(len(ascending) - 1, int(len(ascending) * share))]


def median(results: list[Result]) -> Result:
    """Field by field; the peak is the highest."""

    def middle(name: str) -> float:
        return statistics.median(getattr(result, name) for result in results)

    timed = results[0].p50_ms is not None
    return Result(
        results[0].name,
        middle("samples_s"),
        middle("frames_s"),
        middle("cpu_us_frame"),
        middle("busy"),
        max(result.peak_mb for result in results),
        middle("waits"),
        middle("p50_ms") if timed else None,
        middle("p99_ms") if timed else None,
    )
