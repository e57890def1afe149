"""The serial bridge as a source: real lines (ptys, TCP), a peer that behaves, junk and unplugging."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lyhord_gateway.model.orders import command_order
from lyhord_gateway.sources import bridge as module
from lyhord_gateway.sources.bridge import BridgePort, BridgeSource
from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.sources.serial_link import LinkLost, SerialLink
from lyhord_gateway.store.downlinks.queue import enqueue
from lyhord_gateway.store.schema import connect
from lyhord_gateway.support.backoff import Backoff
from lyhord_wire import bridge, cbor, cobs
from tests.fakes.bridge_peer import BridgePeer, PtyBridge, TcpBridge
from tests.gateway.bench import NOW_S, Bench
from tests.gateway.parts import DEADLINE_S, NODE, Node, meanwhile, until, vectors


class Roof:
    """A bridge source at work on a bench."""

    def __init__(self, bench: Bench, url: str, scheduler: Scheduler | None = None) -> None:
        self.kept: list[bytes] = []
        self.counters = bench.metrics.counters
        self.scheduler = scheduler or Scheduler(14)
        port = BridgePort("roof", url, 868_100_000, 9)
        around = bench.around(lambda *_: (self.scheduler, self.kept.append))
        self.source = BridgeSource(port, around)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Roof"]:
        async with meanwhile(self.source.run()):
            yield self


@pytest.fixture
async def peer(tmp_path: Path) -> AsyncIterator[PtyBridge]:
    peer = PtyBridge(tmp_path / "ttyBRIDGE")
    peer.plug_in()
    yield peer
    peer.unplug()


async def transmitted(peer: BridgePeer) -> bridge.Transmit:
    async with asyncio.timeout(DEADLINE_S):
        return await peer.transmitted.get()


async def listened(peer: BridgePeer) -> tuple[int, int]:
    async with asyncio.timeout(DEADLINE_S):
        listen = await peer.listening.get()
    return listen.freq_hz, listen.sf


async def test_a_frame_is_stored_and_answered_in_rx1(bench: Bench, peer: PtyBridge) -> None:
    node = Node()
    async with Roof(bench, str(peer.path)).running() as roof:
        assert await listened(peer) == (868_100_000, 9)
        peer.hear(node.report(ack=True), rssi_dbm=-103)
        answer = await transmitted(peer)
        assert (answer.freq_hz, answer.sf, answer.power_dbm) == (868_100_000, 9, 14)
        assert answer.tmst_us == (peer.tmst_us + 1_000_000) % 2**32
        assert node.open(answer.data)[1] == 1
        await until(lambda: roof.counters["roof.rx1_answers"] == 1, "the bridge's result")
        assert len(roof.kept) == 1, "the duty ledger is made durable with every downlink"
    (reading,) = bench.readings()
    assert (reading.rssi_dbm, reading.snr_q4, reading.heard_by) == (-103, 26, "roof")


async def test_rx2_when_the_channels_duty_cycle_is_spent(bench: Bench, peer: PtyBridge) -> None:
    node = Node()
    async with Roof(bench, str(peer.path)).running() as roof:
        roof.scheduler._ledgers["M"].record(bench.times.now_us(), 36_000_000)
        await listened(peer)
        peer.hear(node.report(ack=True))
        answer = await transmitted(peer)
        assert (answer.freq_hz, answer.sf) == (869_525_000, 12)
        assert answer.tmst_us == (peer.tmst_us + 2_000_000) % 2**32
        peer.hear(node.report(ack=True))  # at the same moment: its RX2 is taken
        await until(lambda: roof.counters["roof.tx_refused.busy"] == 1, "the refusal is counted")
        assert peer.transmitted.empty()


async def test_golden_messages_and_every_result(bench: Bench, peer: PtyBridge) -> None:
    wires = {vector["name"]: bytes.fromhex(vector["wire"]) for vector in vectors("bridge")}
    node = Node()
    async with Roof(bench, str(peer.path)).running() as roof:
        await listened(peer)
        peer.write(wires["received"])
        await until(lambda: bench.metrics.counters["store.frames"] == 1, "the golden message is taken")
        peer.result = bridge.TOO_LATE
        node.counter = 10
        peer.hear(node.report(ack=True))
        await until(lambda: roof.counters["roof.tx.too_late"] == 1, "the result is counted")
        assert roof.counters["roof.rx1_answers"] == 0
        peer.write(wires["sent"])  # a token that nobody waits for
        await until(lambda: roof.counters["roof.tx_unknown_token"] == 1, "the stray result is counted")


async def test_junk_is_dropped_and_the_next_message_taken(bench: Bench, peer: PtyBridge) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    node = Node()
    async with Roof(bench, str(peer.path)).running() as roof:
        await listened(peer)
        for number in range(1, 21):
            # As a boot loader prints it, or torn, or longer than any message; then the line is quiet.
            junk = bytes(rng.randrange(1, 256) for _ in range(rng.randrange(1, 700)))
            peer.write(junk + b"\0" + b"\0" * rng.randrange(3))
            peer.hear(node.report())
            await until(lambda n=number: bench.metrics.counters["store.frames"] == n, "the frame after junk")
        assert roof.counters["roof.junk"] == 20
        peer.write(cobs.encode(b"\xff"))  # well framed, but no CBOR
        peer.write(cobs.encode(cbor.encode([99])))  # CBOR, but no message
        peer.say(bridge.Listen(868_100_000, 9))  # a message, but not one for a host
        peer.hear(b"\xe0 not a frame of ours")
        await until(lambda: sum(bench.refused.values()) == 1, "the last one reached ingest")
        refused = {name: n for name, n in roof.counters.items() if name.startswith("roof.refused.")}
        assert refused == {"roof.refused.cbor": 1, "roof.refused.schema": 1, "roof.refused.direction": 1}


async def test_a_bridge_that_is_unplugged_comes_back(bench: Bench, peer: PtyBridge) -> None:
    node = Node()
    async with Roof(bench, str(peer.path)).running() as roof:
        await listened(peer)
        await until(lambda: bench.metrics.states.get("roof") == "up", "up")
        for number in range(1, 4):
            peer.unplug()
            await until(lambda: bench.metrics.states["roof"] == "down", "down")
            peer.plug_in()
            assert await listened(peer) == (868_100_000, 9)
            peer.hear(node.report())
            await until(lambda n=number: bench.metrics.counters["store.frames"] == n, "the frame is heard")
        assert roof.counters["roof.lost"] >= 3


async def test_a_bridge_that_restarted_is_told_again_where_to_listen(bench: Bench, peer: PtyBridge) -> None:
    async with Roof(bench, str(peer.path)).running():
        await listened(peer)
        peer.freq_hz, peer.sf = 868_300_000, 7
        peer.status()
        assert await listened(peer) == (868_100_000, 9)


async def test_a_silent_bridge_is_opened_anew(
    bench: Bench, peer: PtyBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_SILENT_S", 0.2)
    async with Roof(bench, str(peer.path)).running() as roof:
        for _ in range(3):
            await listened(peer)
        assert roof.counters["roof.lost"] >= 2


async def test_a_bridge_behind_tcp(bench: Bench) -> None:
    peer = TcpBridge()
    await peer.start()
    node = Node()
    async with Roof(bench, f"socket://127.0.0.1:{peer.port}").running():
        assert await listened(peer) == (868_100_000, 9)
        peer.hear(node.report(ack=True))
        assert node.open((await transmitted(peer)).data)[1] == 1
        await peer.stop()
        await until(lambda: bench.metrics.states["roof"] == "down", "down")
        await peer.start()
        assert await listened(peer) == (868_100_000, 9)
        peer.hear(node.report(ack=True))
        assert node.open((await transmitted(peer)).data)[1] == 2
    await peer.stop()


async def test_lines_without_a_descriptor_work_too(bench: Bench) -> None:
    link = await SerialLink.open("loop://")
    try:
        await link.write(b"echo")
        async with asyncio.timeout(DEADLINE_S):
            data = await link.read()
            while len(data) < 4:
                data += await link.read()
        assert data == b"echo"
    finally:
        link.close()


@pytest.mark.parametrize("url", ["/dev/does-not-exist", "nonsense://x", "socket://127.0.0.1:1"])
async def test_a_line_that_cannot_be_opened_is_lost_and_no_bug(url: str) -> None:
    with pytest.raises(LinkLost):
        await SerialLink.open(url)


def order(bench: Bench) -> None:
    order_entry = connect(bench.path)
    enqueue(order_entry, NODE, command_order("restart", ()), "cli", NOW_S)
    order_entry.close()


@pytest.mark.parametrize("times", [2, 5])
async def test_a_message_that_comes_twice_is_one_reception(times: int, bench: Bench, peer: PtyBridge) -> None:
    node = Node()
    async with Roof(bench, str(peer.path)).running() as roof:
        await listened(peer)
        frame = node.report(ack=True)
        for _ in range(times):
            peer.hear(frame)
        assert node.open((await transmitted(peer)).data)[1] == 1
        peer.hear(node.report())
        await until(lambda: bench.metrics.counters["store.frames"] == 2, "all before was handled")
        assert roof.counters["roof.passed_over.copy"] == times - 1
        assert peer.transmitted.empty()
    assert bench.metrics.counters["downlink.answers"] == 1


async def test_a_bridges_clock_may_go_back(bench: Bench, peer: PtyBridge) -> None:
    """It restarts, its 32-bit clock begins anew; the node repeats its frame meanwhile."""
    node = Node()
    async with Roof(bench, str(peer.path)).running():
        await listened(peer)
        frame = node.report(ack=True)
        for number, tmst_us in enumerate((2**32 - 1, 4_000_000, 3_000_000_000, 0), start=1):
            peer.tmst_us = tmst_us
            peer.hear(frame)
            answer = await transmitted(peer)
            window_us = 1_000_000 if answer.sf == 9 else 2_000_000
            assert answer.tmst_us == (tmst_us + window_us) % 2**32
            assert node.open(answer.data)[1] == 1
            if number == 2:
                break  # both windows of this moment are taken
    assert bench.stored() == [0]


async def test_an_answer_while_there_is_no_line_goes_back(bench: Bench, peer: PtyBridge) -> None:
    node = Node()
    order(bench)
    async with Roof(bench, str(peer.path)).running() as roof:
        await listened(peer)
        roof.source._dedup_us = 300_000  # the answer waits, and meanwhile the port goes away
        peer.hear(node.report(ack=True))
        await until(lambda: bench.metrics.counters["store.frames"] == 1, "it is stored")
        peer.unplug()
        await until(lambda: roof.counters["roof.tx_refused.no_line"] == 1, "the answer has nowhere to go")
        await until(lambda: bench.metrics.counters["queue.aborted"] == 1, "the command goes back")
        peer.plug_in()
        await listened(peer)
        roof.source._dedup_us = 0
        peer.hear(node.report(ack=True))
        assert node.open((await transmitted(peer)).data)[5] == [1]


async def test_what_waited_for_a_line_that_is_gone_goes_back(
    bench: Bench, peer: PtyBridge, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = Node()
    order(bench)
    writing, gone = asyncio.Event(), asyncio.Event()

    async def write(link: SerialLink, data: bytes) -> None:
        """The USB stack takes nothing any more, and says so only when the port is gone."""
        writing.set()
        await gone.wait()
        raise LinkLost("gone")

    async with Roof(bench, str(peer.path)).running() as roof:
        await listened(peer)
        real = SerialLink.write
        monkeypatch.setattr(SerialLink, "write", write)
        peer.hear(node.report(ack=True))
        await asyncio.wait_for(writing.wait(), DEADLINE_S)
        peer.unplug()
        gone.set()
        await until(lambda: bench.metrics.counters["queue.aborted"] == 1, "the command goes back")
        assert roof.counters["roof.outbox_dropped"] >= 1
        monkeypatch.setattr(SerialLink, "write", real)
        peer.plug_in()
        await listened(peer)
        peer.hear(node.report(ack=True))
        assert node.open((await transmitted(peer)).data)[5] == [1]


async def test_a_bridge_that_refuses_every_answer_is_told_of(bench: Bench, peer: PtyBridge) -> None:
    node = Node()
    peer.result = bridge.RADIO_FAULT
    async with Roof(bench, str(peer.path)).running() as roof:
        await listened(peer)
        for number in range(1, 4):
            assert bench.metrics.states["roof.answers"] == "up"
            roof.scheduler._taken.clear()  # as if time had passed: nothing is on the air
            peer.tmst_us = 1_000_000_000 * number
            peer.hear(node.report(ack=True))
            await until(lambda n=number: roof.counters["roof.tx.radio_fault"] == n, "it is counted")
        assert bench.metrics.states["roof.answers"] == "failing"
        assert "radio_fault 3" in bench.metrics.why["roof.answers"]


async def test_an_answer_to_what_was_heard_before_a_restart_goes_back(bench: Bench, peer: PtyBridge) -> None:
    """Its time is one of a clock that is gone: sent, it would go out at any moment."""
    node = Node()
    order(bench)
    async with Roof(bench, str(peer.path)).running() as roof:
        await listened(peer)
        peer.say(bridge.Status({1: 86_400, 5: peer.freq_hz, 6: peer.sf}))
        roof.source._dedup_us = 300_000
        peer.hear(node.report(ack=True))
        peer.say(bridge.Status({1: 0, 5: peer.freq_hz, 6: peer.sf}))
        await until(lambda: roof.counters["roof.tx_refused.restarted"] == 1, "the answer is not sent")
        await until(lambda: bench.metrics.counters["queue.aborted"] == 1, "the command goes back")
        roof.source._dedup_us = 0
        peer.tmst_us = 5_000_000
        peer.hear(node.report(ack=True))
        assert node.open((await transmitted(peer)).data)[5] == [1]


class BriefLink:
    """A line on which a bridge says its status once, and is gone."""

    def __init__(self) -> None:
        self._said = False

    async def read(self) -> bytes:
        if self._said:
            raise LinkLost("gone again")
        self._said = True
        return cobs.encode(bridge.encode(bridge.Status({bridge.STATUS_UPTIME: 1})))

    async def write(self, data: bytes) -> None:
        pass

    def close(self) -> None:
        pass


async def test_a_bridge_that_comes_and_goes_is_met_less_and_less_often(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loose plug: each connection begins well, and none of them lasts."""
    opened = 0

    async def brief(_: str) -> BriefLink:
        nonlocal opened
        opened += 1
        if opened > 8:
            await asyncio.Event().wait()  # nobody there any more
        return BriefLink()

    monkeypatch.setattr(module.SerialLink, "open", brief)
    roof = Roof(bench, "loose")
    backoff = roof.source._backoff = Backoff(base_s=1e-6, cap_s=1e-3)
    async with roof.running():
        await until(lambda: opened > 8, "eight short connections")
        assert backoff._attempt == 8 and backoff.unsteady
        assert bench.metrics.states["roof"] == "down"
    assert bench.metrics.counters["roof.lost"] == 8
