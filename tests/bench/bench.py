"""The scenes of a bench, their length, and their results as text."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import listing, rx1
from tests.bench.parts import Broker, worker_once
from tests.bench.scenes import Result, Scene, backlog, latency, throughput

SCENES = ("udp-4", "udp-1", "mqtt-1", "latency", "fleet", "backlog", "rx1", "nodes")
NODES = 1000
FLEETS = (10, 1000, 10_000)
BACKLOG = 1_000_000
LISTED = 5000
LIVE_RATE = 20.0  # frames/s
_LATENCY_FRAMES = 200
_ACKNOWLEDGEMENTS = 100
# The peer on this kind of machine: ThingsBoard IoT Gateway 3.8.5, plain JSON, two values per message.
PEER = {"samples/s": 4000, "cpu µs/sample": 265, "p99 ms": 470, "peak MB": 95}
_HEAD = f"{'':22} samples/s frames/s µs/sample cores   MB waits  p50 p99 ms"


@dataclass(slots=True)
class Report:
    """blocks: samples/s of the building blocks alone."""

    results: dict[str, Result] = field(default_factory=dict)
    blocks: dict[str, float] = field(default_factory=dict)

    def json(self) -> dict[str, object]:
        return {
            "results": {name: result.json() for name, result in self.results.items()},
            "blocks_samples_s": self.blocks,
            "fleet_ratio": self.fleet_ratio(),
            "peer": PEER,
        }

    def fleet_ratio(self) -> float | None:
        """Cost of a frame in the largest fleet beside the smallest."""
        costs = [self.results[name].cpu_us_frame for name in map(_fleet, FLEETS) if name in self.results]
        return costs[-1] / costs[0] if len(costs) == len(FLEETS) else None

    def comparison(self) -> list[str]:
        lines = []
        if self.blocks:
            ours = self.results["udp-4"].samples_s
            lines.append("building blocks alone, and udp-4 beside them:")
            lines += [f"  {name:20} {rate:9,.0f} {ours / rate:8.2f}" for name, rate in self.blocks.items()]
            lines.append(
                f"  {'the peer (as JSON)':20} {PEER['samples/s']:9,} {ours / PEER['samples/s']:8.1f}"
            )
        if (ratio := self.fleet_ratio()) is not None:
            lines.append(f"cost of a frame, {FLEETS[-1]:,} nodes beside {FLEETS[0]}: {ratio:.2f}")
        return lines


def line(result: Result) -> str:
    text = f"{result.name:22} {result.samples_s:9,.0f} {result.frames_s:8,.0f} {result.cpu_us_sample:9.1f}"
    text += f" {result.busy:5.2f} {result.peak_mb:4.0f} {result.waits:5.2f}"
    if result.p50_ms is not None and result.p99_ms is not None:
        text += f" {result.p50_ms:4.0f} {result.p99_ms:6.0f}"
    return text


def _fleet(nodes: int) -> str:
    return f"fleet of {nodes:,}"


async def run(
    folder: Path, scenes: Sequence[str], runs: int, scale: float, say: Callable[[str], None]
) -> Report:
    """Every reading has arrived exactly once, or Wrong is raised."""
    report = Report()

    def enter(*results: Result) -> None:
        for result in results:
            report.results[result.name] = result
            say(line(result))

    def scaled(number: int) -> int:
        return max(1, int(number * scale))

    say(_HEAD)
    nodes = min(NODES, scaled(NODES) * 10)
    for name, source, samples, frames in (
        ("udp-4", "udp", 4, 20_000),
        ("udp-1", "udp", 1, 40_000),
        ("mqtt-1", "mqtt", 1, 25_000),
    ):
        if name in scenes:
            scene = Scene(name, source, nodes, samples, scaled(frames))
            ((_, steady),) = await throughput([scene], folder, runs)
            enter(steady)
    if "udp-4" in scenes:
        report.blocks = await _blocks(folder / "udp-4")
    if "latency" in scenes:
        scene = Scene("latency", "udp", nodes, 1, scaled(_LATENCY_FRAMES))
        enter(await latency(scene, folder / "latency", LIVE_RATE, runs))
    if "fleet" in scenes:
        fleets = [
            Scene(_fleet(number), "udp", min(number, scaled(number) * 10), 4, scaled(20_000))
            for number in FLEETS
        ]
        heard = await throughput(fleets, folder, runs)
        enter(*(steady for _, steady in heard), heard[-1][0])
    if "backlog" in scenes:
        number = scaled(FLEETS[-1])
        scene = Scene("backlog", "udp", number, 20, number * BACKLOG // FLEETS[-1] // 20)
        enter(*await backlog(scene, folder / "backlog", scaled(_LATENCY_FRAMES), LIVE_RATE))
    if "rx1" in scenes:
        say(await rx1.measured(folder / "rx1", scaled(_ACKNOWLEDGEMENTS)))
    if "nodes" in scenes:
        for text in await asyncio.to_thread(listing.measured, folder / "nodes", scaled(LISTED), runs):
            say(text)
    return report


async def _blocks(folder: Path) -> dict[str, float]:
    async with Broker(folder) as broker:
        return await worker_once("tests.bench.blocks", str(broker.port), str(folder))
