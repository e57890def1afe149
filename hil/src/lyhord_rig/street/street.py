"""A street: virtual bin nodes, one LoRa bridge, WiFi, and the real gateway and brokers around them.

`open` sets it up as technicians would, over each node's serial console; `drain` closes it as they
would, and `truth` counts at both ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lyhord_firmware.boards import devkit_rfm95 as pins
from lyhord_tools.image.build import build_image

from ..board.board import Board
from ..board.ports import Ports
from ..board.wiring import flash_blocks, wire_radio
from ..deadline import DEADLINE_S
from ..radio.ether import Ether
from ..wifi.station import AccessPoint
from ..world.clock import World
from ..world.weather import Weather
from .node import BinNode, Label, NodeRefused, Site
from .platform import PlatformEnd, Row
from .services import Broker, EmbeddedBroker, GatewayService
from .truth import Truth, judge

BOARD = "devkit_rfm95"
SSID = "street"
GATEWAY_HOST = "gateway.lan"
FREQ_HZ = 868_100_000
SF = 7

_RADIUS_M = 45.0  # at SF7 the path loss of the ether leaves a margin at any shadowing
_DELIVER_ROUNDS = 20
_APART_S = 2.0  # several times what a frame is on the air
_LOOK_S = 0.1


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan of a street. Periods in seconds of virtual time; loss: share of frames lost on the air."""

    nodes: int = 6
    seed: int = 1
    loss: float = 0.0
    sample_period_s: int = 10
    report_period_s: int = 20
    ack_every: int = 2
    bin_speed: float = 200.0

    @property
    def wifi_nodes(self) -> int:
        """A third of the nodes, rounded down, talks over WiFi."""
        return self.nodes // 3


class Street:
    """Use as an async context manager: `async with Street(plan, work_dir) as street`."""

    def __init__(
        self,
        plan: Plan,
        work_dir: Path,
        broker: Callable[[Path], Broker] = EmbeddedBroker,
        on_row: Callable[[Row], None] | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        work_dir.mkdir(parents=True, exist_ok=True)
        self.plan = plan
        self.work_dir = work_dir
        self.world = World(plan.seed)
        self.ether = Ether(self.world, loss=plan.loss)
        self.broker = broker(work_dir)
        self.platform = PlatformEnd(self.broker.port, on_row=on_row)
        self.nodes: list[BinNode] = []
        self._say = say
        self._tasks: list[asyncio.Task[None]] = []
        self._build()

    def _build(self) -> None:
        plan, world = self.plan, self.world
        node_image, bridge_image = self.work_dir / "node.img", self.work_dir / "bridge.img"
        build_image("node", BOARD, node_image)
        build_image("bridge", BOARD, bridge_image)
        ports = Ports()
        self.bridge_radio = wire_radio(world, ports, self.ether.attach((0.0, 0.0), "bridge"), pins)
        flash = self._flash(bridge_image, "bridge")
        self.bridge = Board(world, "bridge", flash, flash.parent, ports, flash_blocks=flash_blocks(pins))
        self.gateway = GatewayService(self.work_dir, self.broker.port, self.bridge.serial_path, SF, FREQ_HZ)
        self.access_point = AccessPoint(
            world, SSID, self._secret(), {GATEWAY_HOST: ("127.0.0.1", self.gateway.node_port)}
        )
        self.weather = Weather(world)
        for number in range(1, plan.nodes + 1):
            label = Label(number, f"bin-{number}", world.rng(f"key/{number}").randbytes(16))
            flash = self._flash(node_image, label.name)
            place = world.rng(f"place/{number}")
            angle, radius = place.uniform(0, math.tau), place.uniform(0.2, 1.0) * _RADIUS_M
            position = (radius * math.cos(angle), radius * math.sin(angle))
            site = Site(world, self.ether, self.weather, flash, flash.parent, position, pins, plan.bin_speed)
            self.nodes.append(BinNode(site, label))

    def _secret(self) -> str:
        return self.world.rng("wifi").randbytes(8).hex()

    def _flash(self, image: Path, name: str) -> Path:
        folder = self.work_dir / name
        folder.mkdir(exist_ok=True)
        flash = folder / "flash.bin"
        flash.write_bytes(image.read_bytes())
        return flash

    def over_wifi(self, node: BinNode) -> bool:
        """The last third of the street talks over WiFi."""
        return node.label.node > self.plan.nodes - self.plan.wifi_nodes

    # -- open --------------------------------------------------------------------------------------

    async def __aenter__(self) -> Street:
        async with contextlib.AsyncExitStack() as unless_it_opens:
            unless_it_opens.push_async_callback(self.close)
            await self._open()
            unless_it_opens.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()

    async def _open(self) -> None:
        self._tasks.append(asyncio.create_task(self.world.run(), name="world"))
        self._say("starting the platform's broker, the bridge and the gateway")
        await self.broker.start()
        self._tasks.append(asyncio.create_task(self.platform.run(), name="platform end"))
        async with asyncio.timeout(DEADLINE_S):
            await self.platform.subscribed.wait()
        self.bridge.power_on()
        await self.gateway.start()
        await self.gateway.import_nodes("".join(map(self._registry_line, self.nodes)))
        self._say(f"provisioning {len(self.nodes)} nodes over their serial consoles")
        await self._all(self._provision)

    def _registry_line(self, node: BinNode) -> str:
        label = node.label
        entry = {"id": f"{label.node:06x}", "key": label.key.hex(), "generation": 0, "name": label.name}
        return json.dumps(entry) + "\n"

    async def _all(self, work: Callable[[BinNode], object]) -> None:
        async with asyncio.TaskGroup() as group:
            for node in self.nodes:
                group.create_task(work(node), name=node.label.name)  # type: ignore[arg-type]

    async def _provision(self, node: BinNode) -> None:
        plan = self.plan
        settings: dict[str, object] = {
            "sample_period": plan.sample_period_s,
            "report_period": plan.report_period_s,
            "ack_every": plan.ack_every,
            "spreading_factor": SF,
            "channels": 1,
            "link": 2 if self.over_wifi(node) else 1,
        }
        if self.over_wifi(node):
            settings |= {
                "wifi_ssid": SSID,
                "wifi_password": self._secret(),
                "broker_host": GATEWAY_HOST,
                "broker_port": 1883,
            }
        await node.install(settings)

    # -- live --------------------------------------------------------------------------------------

    async def run_for(self, seconds: float) -> None:
        """Lets the street live for so many seconds on the wall; otherwise as `run_until`."""
        end_mono_s = time.monotonic() + seconds
        await self.run_until(lambda: time.monotonic() >= end_mono_s)

    async def run_until(self, over: Callable[[], object]) -> None:
        """Lets the street live until over() holds; a program that ends by itself ends this with its error."""
        while not over():
            done, _ = await asyncio.wait(self._tasks, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
                raise RuntimeError(f"the task {task.get_name()} ended")
            self.gateway.process.check()

    # -- close -------------------------------------------------------------------------------------

    async def drain(self) -> Truth:
        """Stops the sampling, has every node deliver what it keeps, and counts at both ends."""
        self._say("stopping the sampling; every node delivers what it keeps")
        taken: dict[str, int] = {}

        async def finish(node: BinNode) -> None:
            await node.enter()
            why = ""
            hand = self.world.rng(f"hand/{node.label.name}")
            for _ in range(_DELIVER_ROUNDS):
                # Nobody types in unison: nodes that send at one moment, each time, would never be heard.
                await asyncio.sleep(hand.uniform(0, _APART_S))
                try:
                    await node.deliver()
                    why = ""
                    break
                except NodeRefused as refused:  # no answer, duty cycle: once more
                    why = str(refused)
            if why:
                self._say(f"not everything delivered: {why}")
            taken[f"{node.label.node:06x}"] = int((await node.status())["next_sample"])

        await self._all(finish)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DEADLINE_S):
                while judge(taken, self.platform.ledger).missing:
                    self.platform.news.clear()
                    await self.platform.news.wait()
        return judge(taken, self.platform.ledger)

    async def close(self) -> None:
        """Everything off: boards, gateway, broker, tasks. May be called at any time."""
        await self.gateway.stop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        await self.world.close()
        await self.broker.stop()
