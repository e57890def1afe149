"""Several serial bridges on one gateway: plugged in late, unplugged, plugged in again; health says so."""

import asyncio
import json
from pathlib import Path

from tests.fakes.bridge_peer import PtyBridge
from tests.gateway.parts import DEADLINE_S, GatewayProcess, Node, free_port, get

NAMES = ("roof", "attic", "yard")
DOWN_S = 1


async def health(port: int, wanted: set[str]) -> None:
    """/health names exactly these parts as down: 503, or 200 if there are none."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            code, text = await asyncio.to_thread(get, port, "/health")
            reasons = {(reason["code"], reason["part"]) for reason in json.loads(text)["reasons"]}
            assert code == (503 if reasons else 200)
            if reasons == {("source_down", name) for name in wanted}:
                return
            await asyncio.sleep(0.05)


async def answered(node: Node, peer: PtyBridge, *others: PtyBridge) -> None:
    """Every bridge hears the node's next frame, `peer` best; it alone is to transmit the answer."""
    frame = node.report(ack=True)
    for other in others:
        other.hear(frame, rssi_dbm=-118)
    peer.hear(frame, rssi_dbm=-80)
    async with asyncio.timeout(DEADLINE_S):
        assert node.open((await peer.transmitted.get()).data)[1] == node.seq
    assert all(other.transmitted.empty() for other in others)


async def test_bridges_come_and_go_and_the_others_work_on(tmp_path: Path) -> None:
    port, node = free_port(), Node()
    roof, attic, yard = peers = [PtyBridge(tmp_path / f"tty{name}") for name in NAMES]
    extra = f"[http]\nport = {port}\n[health]\nsource_down_s = {DOWN_S}\n"
    for name, peer in zip(NAMES, peers, strict=True):
        extra += f'[[bridge]]\nname = "{name}"\nurl = "{peer.path}"\n'
    roof.plug_in()
    attic.plug_in()
    async with GatewayProcess(tmp_path, None, extra) as gateway:
        await gateway.add(node)
        await health(port, {"yard"})
        await answered(node, roof, attic)
        yard.plug_in()
        await health(port, set())
        await answered(node, yard, roof, attic)
        roof.unplug()
        yard.unplug()
        await answered(node, attic)
        await health(port, {"roof", "yard"})
        await answered(node, attic)
        roof.plug_in()
        yard.plug_in()
        await health(port, set())
        await answered(node, roof, attic, yard)
        assert await gateway.terminate() == 0
    for peer in peers:
        peer.unplug()
    status = gateway.status()
    assert status["counters"]["store.samples"] == node.seq
    assert status["counters"]["ingest.heard_by_another"] == 1 + 2 + 2
    assert status["counters"]["yard.lost"] >= 2 and status["counters"].get("attic.lost", 0) == 0
    assert "Traceback" not in gateway.log.read_text()
