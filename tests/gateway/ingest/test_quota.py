"""The quota of one key in an hour, and what a neighbour's radio may leave behind: nothing but counts."""

import random
from pathlib import Path

import pytest

from lyhord_gateway.fleet.unknown_nodes import UnknownNodes
from lyhord_gateway.ingest.quota import Quota
from lyhord_wire.refusal import Refused
from tests.gateway.bench import Bench, running
from tests.gateway.parts import GatewayProcess, Node, connected, until

HOUR_US = 3_600_000_000


async def test_one_key_does_not_fill_the_store_and_a_good_node_is_served(tmp_path: Path) -> None:
    async with running(Bench(tmp_path / "lyhord.db", per_hour=100)) as bench:
        bench.add()
        bench.add(0xB)
        bad, good = Node(), Node(0xB)
        for at in range(50):
            bench.hear(bad.samples(at * 9 % 40, 9, ack=True))
            if at % 10 == 0:
                bench.hear(good.report(ack=True))
        await bench.settled()
        assert bench.refused == {"quota": 40}
        assert bench.metrics.counters["store.frames"] == 15
        assert bench.stored(good) == [0, 1, 2, 3, 4]
        refused = bad.report(ack=True)
        await bench.heard(refused)
        assert bench.refused == {"quota": 41}
        await bench.heard(refused, heard_us=HOUR_US // 2)  # its node has kept it, and sends it again
        assert bench.refused == {"quota": 41}
        assert bench.reader.quarantined() == []


def test_the_bucket_fills_evenly_and_no_clock_fills_it_backwards() -> None:
    quota = Quota(60)
    for _ in range(30):
        quota.take(1, 1, HOUR_US)
    for now_us in (HOUR_US, 0, HOUR_US):
        with pytest.raises(Refused, match="quota"):
            quota.take(1, 0, now_us)
    quota.take(2, 59, HOUR_US)
    quota.take(1, 1, HOUR_US + HOUR_US // 30)
    with pytest.raises(Refused, match="quota"):
        quota.take(1, 0, HOUR_US + HOUR_US // 30)
    quota.take(1, 59, 3 * HOUR_US)
    with pytest.raises(Refused, match="quota"):
        quota.take(1, 60, 9 * HOUR_US)


def test_without_a_bound_there_is_none() -> None:
    quota = Quota(0)
    for _ in range(1000):
        quota.take(1, 1000, 0)


async def test_the_real_gateway_counts_a_node_that_brings_too_much(tmp_path: Path) -> None:
    async with GatewayProcess(tmp_path, None, "[store]\nnode_hour = 50\n") as gateway:
        node = Node()
        await gateway.add(node)
        async with connected(gateway.port) as link:
            for _ in range(60):
                await link.publish(node.up, node.report(), qos=1)
        await until(
            lambda: gateway.status()["counters"].get("ingest.refused.quota", 0) == 35, "the rest is refused"
        )
        assert gateway.status()["counters"]["store.frames"] == 25
        assert await gateway.terminate() == 0


# ---- what is not ours ----


def foreign_lorawan(rng: random.Random) -> bytes:
    """A LoRaWAN frame of somebody: join request, data up and down, rejoin, of any length."""
    return bytes([rng.choice([0x00, 0x20, 0x40, 0x60, 0x80, 0xA0, 0xC0])]) + rng.randbytes(
        rng.randrange(0, 240)
    )


async def test_foreign_frames_are_counted_and_leave_no_line_and_no_node(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rng = random.Random(14)
    kept: list[bytes] = []
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        counted: list[str] = []
        unknown_nodes = UnknownNodes(None, kept.append, counted.append)
        bench.ingest._unknown_node = unknown_nodes.heard
        for at in range(3000):
            bench.hear(foreign_lorawan(rng), "roof", at * 1_250_000, rssi=-110, sf=7)
        mesh = b"\xe0" + bytes([0x80]) + rng.randbytes(30)  # ChirpStack's gateway mesh
        bench.hear(mesh, "roof", rssi=-110, sf=7)
        bench.hear(b"\xe0", "roof", rssi=-110)
        bench.hear(b"", "roof", rssi=-110)
        bench.hear(b"\xe0\x40" + rng.randbytes(4), "roof", rssi=-110)
        await bench.settled()
        assert sum(bench.refused.values()) == 3004
        assert set(bench.refused) <= {"not_ours", "length", "version"}
        assert bench.reader.quarantined() == []
    assert caplog.records == []
    assert unknown_nodes.listed() == [] and counted == []


async def test_a_node_of_ours_that_nobody_knows_is_still_listed_and_said(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.heard(Node(0xC).report())
    assert bench.refused == {"unknown_node": 1}
    assert "node=00000c reason=unknown_node" in caplog.text
