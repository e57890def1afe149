"""Class-A timing while the gateway is busy: the share of acknowledgements that make RX1."""

import asyncio
import base64
import time
from pathlib import Path

from lyhord_gateway.operation.exposition import rx1_share
from lyhord_gateway.sources.concentrator import Concentrator
from lyhord_gateway.sources.receptions import DEDUP_US
from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.sources.udp import UdpSource
from lyhord_wire.instructions import STORED
from tests.fakes.packet_forwarder import PacketForwarder
from tests.gateway.bench import Bench, running
from tests.gateway.parts import Node, meanwhile, until
from tests.gateway.roofs import EUIS

GAP_REQUESTS = 25
EVERY_S = 0.1  # longer than an answer is on the air at SF7: the radio is free for each
CROWD = 40  # frames that want no answer, in each of those tenths


async def test_acknowledgements_make_rx1_beside_four_hundred_frames_a_second(
    tmp_path: Path,
) -> None:
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        crowd = [Node(0x2000 + number) for number in range(CROWD)]
        gap_requests = [Node(0x1000 + number) for number in range(GAP_REQUESTS)]
        for node in (*crowd, *gap_requests):
            bench.add(node.id)
        roofs = {f"{eui:016x}": Concentrator(f"{eui:016x}", Scheduler(14), lambda kept: None) for eui in EUIS}
        source = UdpSource(
            "127.0.0.1", 0, roofs, bench.ingest.hear, bench.store.room, bench.metrics, DEDUP_US
        )
        async with meanwhile(source.run()):
            await until(lambda: source.address, "the source listens")
            server = str(source.address[0]), int(source.address[1])
            async with PacketForwarder(EUIS[0], server) as far, PacketForwarder(EUIS[1], server) as near:
                await far.pull()
                await near.pull()
                start_s = time.monotonic()
                for number, node in enumerate(gap_requests):
                    for other in crowd:
                        far.hear(other.report(), datr="SF7BW125", freq=867.1)
                    frame = node.report(ack=True)
                    far.hear(frame, rssi=-110, datr="SF7BW125")
                    near.hear(frame, rssi=-70, datr="SF7BW125")
                    await asyncio.sleep(max(0.0, start_s + EVERY_S * (number + 1) - time.monotonic()))
                counters = bench.metrics.counters
                await until(
                    lambda: counters["udp.rx1_answers"] + counters["udp.rx2_answers"] == GAP_REQUESTS,
                    "all are answered",
                )
                for node in gap_requests:
                    txpk = await near.downlink()
                    assert node.open(base64.b64decode(txpk["data"]))[STORED] == 1
        share = rx1_share(dict(counters))
        print(f"RX1: {share:.0%} of {GAP_REQUESTS}, beside {counters['store.frames']} frames")
        assert (
            share is not None and share >= 0.7
        )  # all of them, where nobody else takes the machine for a second
        assert not [name for name in counters if name.startswith("udp.tx_refused")]
        assert counters["store.frames"] == GAP_REQUESTS * (CROWD + 1)
