"""Acknowledgements beside a crowd: the share that makes RX1, a second after the frame, is what a busy gateway
loses first.

Every tenth of a second one node wants an answer and forty others do not; two concentrators hear each.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

from lyhord_gateway.sources.udp import UdpSource
from lyhord_gateway.timekeeping.times import TIMES, Times
from tests.fakes.packet_forwarder import PacketForwarder
from tests.gateway.bench import Bench, running
from tests.gateway.parts import Node, meanwhile, until
from tests.gateway.roofs import EUIS

EVERY_S = 0.1  # longer than an answer is on the air at SF7: the radio is free for each
CROWD = 40  # frames that want no answer, in each of those tenths


async def acknowledgements(
    folder: Path,
    asked: int,
    tick: Callable[[int, Node, PacketForwarder], Awaitable[object]],
    times: Times = TIMES,
) -> Counter[str]:
    """The gateway's counts when each of `asked` nodes has its outcome.

    tick(n, node, concentrator that hears it better): called after the frames of the n-th tenth, from 1.
    times: the gateway's clocks, and the concentrators'.
    """
    async with running(Bench(folder / "lyhord.db", times=times)) as bench:
        crowd = [Node(0x2000 + number) for number in range(CROWD)]
        nodes = [Node(0x1000 + number) for number in range(asked)]
        for node in (*crowd, *nodes):
            bench.add(node.id)
        euis = [f"{eui:016x}" for eui in EUIS]
        source = UdpSource("127.0.0.1", 0, euis, 14, bench.around())
        async with meanwhile(source.run()):
            await until(lambda: source.address, "the source listens")
            server = str(source.address[0]), int(source.address[1])
            far, near = (PacketForwarder(eui, server, now_us=times.now_us) for eui in EUIS)
            async with far, near:
                await far.pull()
                await near.pull()
                for number, node in enumerate(nodes, 1):
                    for other in crowd:
                        far.hear(other.report(), datr="SF7BW125", freq=867.1)
                    frame = node.report(ack=True)
                    far.hear(frame, rssi=-110, datr="SF7BW125")
                    near.hear(frame, rssi=-70, datr="SF7BW125")
                    await tick(number, node, near)
                counters = bench.metrics.counters
                await until(lambda: outcomes(counters) >= asked, "each has its outcome")
                await until(lambda: counters["store.frames"] == asked * (CROWD + 1), "all are stored")
        return Counter(counters)


def outcomes(counters: Counter[str]) -> int:
    """Answers that were transmitted, refused by our schedule, or by the concentrator."""
    reasons = (name for name in counters if name.startswith(("udp.tx_refused.", "udp.tx.")))
    return sum(counters[name] for name in reasons)


async def measured(folder: Path, asked: int) -> str:
    """On this machine's clock, as one line."""
    folder.mkdir()  # noqa: ASYNC240
    start_s = time.monotonic()

    async def tick(number: int, node: Node, near: PacketForwarder) -> None:
        await asyncio.sleep(max(0.0, start_s + EVERY_S * number - time.monotonic()))

    counters = await acknowledgements(folder, asked, tick)
    share = counters["udp.rx1_answers"] / asked
    return f"{'rx1':22} {share:.0%} of {asked} answers in RX1, beside {CROWD / EVERY_S:.0f} frames/s"
