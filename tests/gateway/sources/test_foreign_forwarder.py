"""A packet forwarder by somebody else against the UDP source: nobody agrees with himself about a protocol."""

import asyncio
import json
from pathlib import Path

import pytest
from pamoja.gateway import Crc, TxStatus

from tests.fakes.foreign_forwarder import ForeignForwarder
from tests.gateway import senml_resolver
from tests.gateway.bench import Bench
from tests.gateway.parts import (
    DEADLINE_S,
    GatewayProcess,
    Mosquitto,
    Node,
    connected,
    free_port,
    next_message,
    until,
)
from tests.gateway.roofs import Roofs

FAR, NEAR, UNKNOWN_NODE = "aa555a0000000101", "aa555a0000000102", "aa555a00000001ff"


@pytest.mark.parametrize("status", list(TxStatus))
async def test_an_uplink_its_answer_and_what_became_of_it(
    status: TxStatus, bench: Bench, roofs: Roofs
) -> None:
    node = Node()
    async with ForeignForwarder(FAR, roofs.server) as roof:
        roof.status = status
        await roof.pull()
        heard = roof.rxpk(node.report(ack=True), rssi_dbm=-103, snr_db=-7.25)
        bad = roof.rxpk(node.report(), crc=Crc.FAILED)
        await roof.push(bad, heard)
        transmit = await roof.downlink()
        assert node.open(transmit.payload, answers=1)[1] == 1
        assert transmit.timestamp_us == (heard.timestamp_us + 1_000_000) % 2**32
        assert (transmit.frequency_hz, transmit.link.spreading_factor) == (868_100_000, 7)
        assert (transmit.link.bandwidth_hz, transmit.power_dbm) == (125_000, 14)
        assert transmit.invert_polarity and transmit.without_crc and not transmit.immediate
        outcome = "sent" if status is TxStatus.NONE else status.name.lower()
        await roofs.counted(f"udp.tx.{outcome}")
    (reading,) = bench.readings()
    assert (reading.rssi_dbm, reading.snr_q4) == (-103, -29)
    assert roofs.counters["udp.passed_over.crc"] == 1
    assert bench.metrics.states[FAR] == "up"


async def test_two_that_hear_everything_and_a_unknown_node(tmp_path: Path) -> None:
    node, port, frames = Node(), free_port(), 8
    section = f'[udp]\nlisten = "127.0.0.1"\nport = {port}\neuis = ["{FAR}", "{NEAR}"]\n'
    async with (
        Mosquitto(tmp_path) as platform,
        connected(platform.port, "lyhord/#") as city,
        GatewayProcess(tmp_path, platform.port, section) as gateway,
        ForeignForwarder(FAR, ("127.0.0.1", port)) as far,
        ForeignForwarder(NEAR, ("127.0.0.1", port)) as near,
        ForeignForwarder(UNKNOWN_NODE, ("127.0.0.1", port)) as unknown_node,
    ):
        await gateway.add(node)
        await until(lambda: gateway.status()["states"].get("udp") == "up", "udp listens")
        await far.pull()
        await near.pull()
        for number in range(1, frames + 1):
            frame = node.report(ack=True)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await unknown_node.push(unknown_node.rxpk(frame, rssi_dbm=-20))
            first, second = (far, near) if number % 2 else (near, far)
            pushes = [r.push(r.rxpk(frame, rssi_dbm=-118 if r is far else -80)) for r in (first, second)]
            await asyncio.gather(*pushes)
            assert node.open((await near.downlink()).payload)[1] == number
        assert far.downlinks.empty() and unknown_node.downlinks.empty() and unknown_node.acknowledged.empty()
        seen: list[tuple[int, int]] = []
        async with asyncio.timeout(DEADLINE_S):
            while len(seen) < frames:
                payload = (await next_message(city)).payload
                assert isinstance(payload, bytes)
                seen += senml_resolver.readings(json.loads(payload))
        assert await gateway.terminate() == 0
    assert sorted(seen) == [(node.id, seq) for seq in range(frames)]
    counters = gateway.status()["counters"]
    assert counters["ingest.heard_by_another"] == counters["udp.rx1_answers"] == frames
    assert counters["udp.refused.unknown_eui"] == frames
