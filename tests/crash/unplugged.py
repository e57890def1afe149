"""The bridge's USB plug is pulled and put back, again and again, while LoRa nodes go on."""

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path

from lyhord_wire import bridge
from lyhord_wire.frame import parse_downlink
from tests.crash.fleet import Fleet
from tests.crash.stage import Totals, stage
from tests.fakes.bridge_peer import PtyBridge
from tests.gateway.parts import until

NODES = 4
_SF = 7
_APART_S = 0.15  # nodes share one channel; so no two answers want the same receive window


class Air:
    """The nodes' link. Frames go over the bridge, if it is plugged in; nodes see it as a broker."""

    def __init__(self, peer: PtyBridge) -> None:
        self.peer = peer
        self.plugged = False
        self._channel = asyncio.Lock()

    def plug_in(self) -> None:
        self.peer.plug_in()
        self.plugged = True

    def unplug(self) -> None:
        self.plugged = False
        self.peer.unplug()

    async def publish(self, topic: str, frame: bytes, qos: int) -> None:
        async with self._channel:
            await asyncio.sleep(_APART_S)
            if self.plugged:
                tmst_us = time.monotonic_ns() // 1000 % 2**32
                self.peer.say(bridge.Received(tmst_us, -97, 26, 868_100_000, _SF, frame))

    async def live(self, fleet: Fleet) -> None:
        """Runs until cancelled."""
        by_id = {node.id: node for node in fleet.nodes}
        async with asyncio.TaskGroup() as group:
            for node in fleet.nodes:
                group.create_task(node.live(self))
            while True:
                answer = (await self.peer.transmitted.get()).data
                by_id[parse_downlink(answer).node].answer(answer)


async def run(folder: Path, times: int, seed: int, say: Callable[[str], None] = print) -> Totals:
    """Plays the story."""
    rng = random.Random(seed)
    totals = Totals()
    air = Air(PtyBridge(folder / "ttyROOF"))
    options = f'[[bridge]]\nname = "roof"\nurl = "{air.peer.path}"\nsf = {_SF}\n'
    async with stage(folder, rng, NODES, options, air.live) as city:
        await city.gateway.start()
        for number in range(1, times + 1):
            air.plug_in()
            await until(lambda: city.part("roof") == "up", "the bridge is back by itself")
            city.fleet.burst(rng)
            await until(lambda: city.fleet.acknowledged, "something is acknowledged")
            await asyncio.sleep(rng.random() * 0.2)
            air.unplug()
            await until(lambda: city.part("roof") == "down", "it is missed")
            city.fleet.burst(rng)
            say(f"  unplugged {number} times, {len(city.city.readings)} samples at the platform")
        air.plug_in()
        await city.drained(totals)
        if await city.gateway.terminate() != 0:
            totals.faults.append("the gateway did not stop politely")
        city.judge(totals)
        air.unplug()
    totals.story = f"bridge unplugged {times} times"
    return totals
