"""Runs a metered virtual node on each link and says how long a sample and a report take, state by state."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lyhord_tools.image.build import build_image

from ..deadline import DEADLINE_S
from ..radio.ether import Ether
from ..street.services import EmbeddedBroker
from ..wifi.station import AccessPoint
from ..world.clock import World
from .energy_meter import Air, Draw, Meter, Wake
from .energy_node import LoraAnswers, MeteredNode, MqttAnswers

SPREADING_FACTORS = (7, 10, 12)
_SAMPLE_S = 900
_ACK_EVERY = 2  # every other report is answered, so that a short run sees both kinds
_LEAST = 2  # wakes of each kind
_WARM_UP = 3  # reports that also say what is said once: about, status
_LIMIT_REPORTS = 14  # a run that has not seen every kind by then never will
_WIFI_SAMPLE_S = 20
_WIFI_REPORT_S = 70  # no multiple of the other, so that most reports have a wake of their own
_DAWN_S = 5.0
_SECRET = "for one bench"


class NotSeen(Exception):
    """The run was too short for every kind of wake; the message says what it saw."""


@dataclass(frozen=True, slots=True)
class Steps:
    """Mean microseconds per Draw of one wake that does one thing, over `seen` wakes of its kind."""

    us: dict[Draw, float]
    seen: int

    def ms(self, core: object = None, air: object = None, sensors: bool | None = None) -> float:
        """Milliseconds in the states that agree with what is given."""
        return sum(
            us / 1000
            for draw, us in self.us.items()
            if core in (None, draw.core) and air in (None, draw.air) and sensors in (None, draw.sensors)
        )


@dataclass(frozen=True, slots=True)
class Measured:
    """One radio and link. sf: 7…12, or None for WiFi; samples: per report; quiet: a report without an answer
    (None over WiFi, where each is answered); asleep: share of deep sleep that the LoRa radio spends how."""

    board: str
    sf: int | None
    samples: int
    sample: Steps
    quiet: Steps | None
    answered: Steps
    asleep: dict[Air, float]

    @property
    def link(self) -> str:
        return "WiFi" if self.sf is None else f"SF{self.sf}"


async def measure_lora(board: str, sf: int, samples: int, seed: int = 1) -> Measured:
    """A node that samples every 15 minutes and reports every `samples` of them, in unpaced virtual time."""
    with tempfile.TemporaryDirectory(prefix="lyhord-") as scratch:
        image = Path(scratch) / "node.img"
        build_image("node", board, image)
        async with World(seed, pace=None) as world:
            ether = Ether(world)
            gateway = LoraAnswers(world, ether)
            node = MeteredNode(world, ether, board, image, Path(scratch))
            report_s = samples * _SAMPLE_S
            await node.set_up(
                {
                    "sample_period": _SAMPLE_S,
                    "report_period": report_s,
                    "ack_every": _ACK_EVERY,
                    "empty_distance": 1200,
                    "full_distance": 200,
                    "spreading_factor": sf,
                    "link": 1,
                }
            )
            await world.run_until(lambda: gateway.answers.reports >= _WARM_UP, _WARM_UP * 2.0 * report_s)
            await world.run_for(_DAWN_S)
            node.meter.begin()
            enough = _Enough(node.meter, quiet=True)
            await world.run_until(enough, _LIMIT_REPORTS * report_s)
            if node.radio.violations:
                raise RuntimeError(f"{board}: {node.radio.violations[0]}")
            return _measured(board, sf, samples, node.meter)


async def measure_wifi(board: str, seed: int = 1) -> Measured:
    """The same over WiFi and a real broker, whose answers take no time; a report's size does not matter
    there."""
    with tempfile.TemporaryDirectory(prefix="lyhord-") as scratch:
        image = Path(scratch) / "node.img"
        build_image("node", board, image)
        broker = EmbeddedBroker(Path(scratch))
        await broker.start()
        try:
            async with World(seed, pace=None, grace_s=DEADLINE_S) as world:
                gateway = MqttAnswers(world, broker.port)
                task = asyncio.create_task(gateway.run(), name="mqtt answers")
                try:
                    async with asyncio.timeout(DEADLINE_S):
                        await gateway.subscribed.wait()
                    return await _over_wifi(world, board, image, Path(scratch), gateway, broker.port)
                finally:
                    task.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await task
        finally:
            await broker.stop()


async def _over_wifi(
    world: World, board: str, image: Path, folder: Path, gateway: MqttAnswers, port: int
) -> Measured:
    AccessPoint(world, "bench", _SECRET, {"gateway.lan": ("127.0.0.1", port)})
    node = MeteredNode(world, Ether(world), board, image, folder)
    await node.set_up(
        {
            "sample_period": _WIFI_SAMPLE_S,
            "report_period": _WIFI_REPORT_S,
            "empty_distance": 1200,
            "full_distance": 200,
            "link": 2,
            "wifi_ssid": "bench",
            "wifi_password": _SECRET,
            "broker_host": "gateway.lan",
            "broker_port": 1883,
        }
    )
    await world.run_until(lambda: gateway.answers.reports >= _WARM_UP, 10.0 * _WIFI_REPORT_S)
    await world.run_for(_DAWN_S)
    node.meter.begin()
    await world.run_until(_Enough(node.meter, quiet=False), _LIMIT_REPORTS * _WIFI_REPORT_S)
    return _measured(board, None, _WIFI_REPORT_S // _WIFI_SAMPLE_S, node.meter)


def _kinds(wakes: Sequence[Wake]) -> tuple[list[Wake], list[Wake], list[Wake]]:
    """Wakes that only sampled; that only reported, unanswered; and answered. Mixed ones are left out."""
    sampled = [wake for wake in wakes if wake.has_sampled and not wake.has_sent]
    sent = [wake for wake in wakes if wake.has_sent and not wake.has_sampled]
    quiet = [wake for wake in sent if not wake.has_listened and not wake.total_us(lambda draw: draw.wifi)]
    return sampled, quiet, [wake for wake in sent if wake not in quiet]


class _Enough:
    """True once the meter has seen enough wakes of every kind."""

    def __init__(self, meter: Meter, quiet: bool) -> None:
        self._meter = meter
        self._quiet = quiet
        self._counted = -1

    def __call__(self) -> bool:
        wakes = self._meter.wakes
        if len(wakes) == self._counted:
            return False  # asked after every event of the world, and it was not enough before
        self._counted = len(wakes)
        sampled, quiet, answered = _kinds(wakes)
        return min(len(sampled), len(answered), len(quiet) if self._quiet else _LEAST) >= _LEAST


def _measured(board: str, sf: int | None, samples: int, meter: Meter) -> Measured:
    wakes = meter.wakes
    sampled, quiet, answered = _kinds(wakes)
    if not sampled or not answered or (sf is not None and not quiet):
        kinds = f"{len(sampled)} samples, {len(quiet)} reports, {len(answered)} answered"
        raise NotSeen(f"{board}, {'WiFi' if sf is None else f'SF{sf}'}: {kinds} of {len(wakes)} wakes")
    slept_us = sum(meter.asleep_us.values())
    asleep = {air: us / slept_us for air, us in meter.asleep_us.items()}
    return Measured(
        board, sf, samples, _mean(sampled), _mean(quiet) if quiet else None, _mean(answered), asleep
    )


def _mean(wakes: Sequence[Wake]) -> Steps:
    total: Counter[Draw] = Counter()
    for wake in wakes:
        total.update(wake.us)
    return Steps({draw: us / len(wakes) for draw, us in total.items()}, len(wakes))
