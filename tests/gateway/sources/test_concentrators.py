"""Concentrators as they are: forwarders that say things twice, ghosts, dialects, liars, refusing radios.

Each story goes through the real UDP source, ingest, store and answer.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lyhord_gateway.model.orders import command_order
from lyhord_gateway.store.downlinks.queue import enqueue
from lyhord_gateway.store.schema import connect
from tests.fakes.packet_forwarder import PacketForwarder
from tests.gateway.bench import NOW_S, Bench, running
from tests.gateway.parts import DEADLINE_S, NODE, GatewayProcess, Node, free_port, get, until
from tests.gateway.roofs import EUIS, Roofs
from tests.gateway.virtual_times import VirtualTimes

EUI = f"{EUIS[0]:016x}"


def order(bench: Bench) -> None:
    order_entry = connect(bench.path)
    enqueue(order_entry, NODE, command_order("restart", ()), "cli", NOW_S)
    order_entry.close()


async def handled(roof: PacketForwarder) -> None:
    """Whatever the concentrator has pushed until now was read by the gateway."""
    await roof.push_acknowledged(roof.push({"stat": {"rxnb": 0}}))


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    """Time passes when a test says so, for the gateway and for the concentrators."""
    async with running(Bench(tmp_path / "lyhord.db", times=VirtualTimes(NOW_S))) as bench:
        bench.add()
        yield bench


def pass_time(roofs: Roofs, microseconds: int) -> None:
    times = roofs.bench.times
    assert isinstance(times, VirtualTimes)
    times.pass_time(microseconds)


async def downlink(roofs: Roofs, roof: PacketForwarder) -> dict:
    """The next answer: it may have to wait for a better copy of its frame first."""
    times = roofs.bench.times
    assert isinstance(times, VirtualTimes)
    await until(lambda: times.waiting or not roof.downlinks.empty(), "an answer is out, or waits")
    if roof.downlinks.empty():
        times.next_timer()
    return await roof.downlink()


async def counted(roofs: Roofs, name: str, number: int = 1) -> None:
    """The counts of answers that wait for a better copy of their frames first."""
    times = roofs.bench.times
    assert isinstance(times, VirtualTimes)
    ingest = roofs.bench.ingest
    await until(lambda: ingest.answers_waiting >= number or roofs.counters[name] >= number, "answers wait")
    times.pass_time(250_000)
    await roofs.counted(name, number)


async def only_answer(roofs: Roofs, roof: PacketForwarder, node: Node) -> dict:
    """The answer to the node's latest uplink; there is no other, and none is on its way."""
    txpk = await downlink(roofs, roof)
    assert node.open(base64.b64decode(txpk["data"]))
    marker = Node(NODE + 1)
    await handled(roof)
    await roofs.bench.settled()
    roof.hear(marker.report(ack=True))  # refused: that node is unknown
    await handled(roof)
    pass_time(roofs, 250_000)  # an answer waits 200 ms for a better copy
    await handled(roof)
    assert roof.downlinks.empty()
    return txpk


# -- one transmission, several datagrams ---------------------------------------------------------------


@pytest.mark.parametrize("apart_ms", [0, 30, 300])
@pytest.mark.parametrize("times", [2, 5])
async def test_the_same_datagram_again_is_no_repetition(
    apart_ms: int, times: int, bench: Bench, roofs: Roofs
) -> None:
    node = Node()
    async with roofs.forwarder() as roof:
        await roof.pull()
        rxpk = roof.rxpk(node.report(ack=True))
        for _ in range(times):
            roof.push({"rxpk": [rxpk]})
            await handled(roof)
            await bench.settled()
            pass_time(roofs, apart_ms * 1000)
        await only_answer(roofs, roof, node)
        assert roofs.counters["udp.passed_over.copy"] == times - 1
        assert len(roof.pushed) >= times, "each is acknowledged"
    assert bench.metrics.counters["ingest.retransmissions"] == 0
    assert bench.metrics.counters["downlink.answers"] == 1


async def test_the_same_datagram_minutes_later_is_no_repetition(bench: Bench, roofs: Roofs) -> None:
    """A forwarder with a store of its own sends again what it thinks was lost."""
    node = Node()
    async with roofs.forwarder() as roof:
        await roof.pull()
        rxpk = roof.hear(node.report(ack=True))
        await downlink(roofs, roof)
        for later_s in (5, 60, 600):
            pass_time(roofs, later_s * 1_000_000)
            roof.push({"rxpk": [rxpk]})
            await handled(roof)
        await bench.settled()
    assert bench.metrics.counters["downlink.answers"] == 1
    assert roofs.counters["udp.passed_over.copy"] == 3


async def test_a_node_that_repeats_its_frame_is_answered_again(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with PacketForwarder(EUIS[0], roofs.server, clock_us=2**32 - 1_000_000) as roof:
        await roof.pull()
        rxpk = roof.hear(node.report(ack=True))
        first = await downlink(roofs, roof)
        pass_time(roofs, 2_400_000)
        again = rxpk | {"tmst": (rxpk["tmst"] + 2_400_000) % 2**32}
        roof.push({"rxpk": [again]})
        second = await downlink(roofs, roof)
        assert (second["tmst"] - first["tmst"]) % 2**32 == 2_400_000
    assert bench.metrics.counters["ingest.retransmissions"] == 1
    assert bench.stored() == [0]


async def test_a_repetition_in_the_very_same_datagram_is_answered_at_its_own_time(
    bench: Bench, roofs: Roofs
) -> None:
    """The network was away for some seconds, and the forwarder has kept what it heard."""
    node = Node()
    async with roofs.forwarder() as roof:
        await roof.pull()
        late = roof.rxpk(node.report(ack=True))
        early = late | {"tmst": (late["tmst"] - 2_400_000) % 2**32, "rssi": -60}
        roof.push({"rxpk": [early, late]})
        txpk = await only_answer(roofs, roof, node)
        assert txpk["tmst"] == (late["tmst"] + 1_000_000) % 2**32


@pytest.mark.parametrize("apart_ms", [0, 2, 20, 150])
@pytest.mark.parametrize("ghost_first", [False, True])
async def test_a_ghost_is_not_answered(apart_ms: int, ghost_first: bool, bench: Bench, roofs: Roofs) -> None:
    """Heard on the neighbouring channel too, weakly: one answer, where the node listens."""
    node = Node()
    async with roofs.forwarder() as roof:
        await roof.pull()
        true = roof.rxpk(node.report(ack=True), rssi=-38, lsnr=9.5)
        ghost = true | {"freq": 868.3, "rssi": -97, "lsnr": -8.0, "chan": 1}
        ghost["tmst"] = (true["tmst"] + apart_ms * 1000) % 2**32
        for rxpk in (ghost, true) if ghost_first else (true, ghost):
            roof.push({"rxpk": [rxpk]})
            await handled(roof)
            await bench.settled()
            pass_time(roofs, apart_ms * 1000)
        txpk = await only_answer(roofs, roof, node)
        assert (txpk["freq"], txpk["tmst"]) == (868.1, (true["tmst"] + 1_000_000) % 2**32)
    (reading,) = bench.readings()
    assert reading.rssi_dbm == -38
    assert bench.metrics.counters["downlink.answers"] == 1


async def test_a_ghost_on_another_roof_does_not_outvote_the_true_one(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with roofs.forwarder() as near, roofs.forwarder(EUIS[1]) as far:
        await near.pull()
        await far.pull()
        frame = node.report(ack=True)
        near.hear(frame, rssi=-97, freq=868.3)  # the ghost comes first …
        far.hear(frame, rssi=-80)
        near.hear(frame, rssi=-38)  # … the true one last
        await handled(near)
        await handled(far)
        txpk = await only_answer(roofs, near, node)
        assert txpk["freq"] == 868.1 and far.downlinks.empty()


# -- what became of an answer --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "ack",
    [
        b"",
        b"\0",
        b'{"txpk_ack":{"error":""}}',
        b'{"txpk_ack":{"error":null}}',
        b'{"txpk_ack":{"error":"NONE"}}\0',
        b'{"txpk_ack":{"error":"None"}}',
        b'{"txpk_ack":null}',
        b"{}",
    ],
)
async def test_a_command_goes_out_once_however_the_forwarder_says_that_it_did(
    ack: bytes, bench: Bench, roofs: Roofs
) -> None:
    node = Node()
    order(bench)
    async with roofs.forwarder() as roof:
        roof.ack = ack
        await roof.pull()
        commands = 0
        for number in range(1, 6):
            roof.hear(node.report(ack=True), datr="SF7BW125")
            commands += 5 in node.open(base64.b64decode((await downlink(roofs, roof))["data"]))
            await roofs.counted("udp.tx.sent", number)
        assert commands == 1
        await bench.settled()
    assert bench.metrics.counters["queue.aborted"] == 0


# -- dialects ------------------------------------------------------------------------------------------


async def test_a_kerlink_is_heard_and_answered(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with roofs.forwarder() as roof:
        await roof.pull()
        rxpk = roof.rxpk(node.report(ack=True))
        del rxpk["rssi"], rxpk["lsnr"]
        rxpk |= {"jver": 2, "rsig": [{"ant": 0, "rssic": -113, "lsnr": -7.5}, {"ant": 1, "rssic": -101}]}
        roof.push({"rxpk": [rxpk]})
        assert node.open(base64.b64decode((await downlink(roofs, roof))["data"]))[1] == 1
    (reading,) = bench.readings()
    assert reading.rssi_dbm == -101


async def test_a_signal_that_is_not_told_is_the_last_choice(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with roofs.forwarder() as mute, roofs.forwarder(EUIS[1]) as roof:
        await mute.pull()
        await roof.pull()
        frame = node.report(ack=True)
        mute.hear(frame, rssi=None, lsnr=None)
        roof.hear(frame, rssi=-120, lsnr=None)
        assert node.open(base64.b64decode((await downlink(roofs, roof))["data"]))
        assert mute.downlinks.empty()
        mute.hear(node.report(), rssi=None, lsnr=None)
        await until(lambda: bench.metrics.counters["store.frames"] == 2, "stored without a signal")
    assert [r.rssi_dbm for r in bench.readings()] == [-120, None]


async def test_without_a_time_stamp_a_frame_is_stored_and_not_answered(bench: Bench, roofs: Roofs) -> None:
    async with roofs.forwarder() as roof:
        await roof.pull()
        roof.hear(Node().report(ack=True), tmst=None)
        await counted(roofs, "udp.tx_refused.no_tmst")
    assert bench.stored() == [0]


@pytest.mark.parametrize("size", [4_097, 16_000, 65_000])
async def test_a_datagram_may_be_as_long_as_udp_allows(size: int, bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with roofs.forwarder() as roof:
        entries: list[dict] = []
        while len(json.dumps({"rxpk": entries})) < size - 800:
            entries.append(roof.rxpk(bytes([0x40, len(entries) % 256, len(entries) // 256]) + bytes(219)))
        token = roof.push({"rxpk": [*entries, roof.rxpk(node.report())]})
        await roof.push_acknowledged(token)
        await until(lambda: bench.metrics.counters["store.frames"] == 1, "ours is found among the foreign")
    assert bench.stored() == [0]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"rxpk":null}', b'{"rxpk":7}', b"\xff" * 60_000, b'{"rxpk":[{]}']
)
async def test_every_datagram_is_acknowledged_and_counted_with_its_eui(body: bytes, roofs: Roofs) -> None:
    async with roofs.forwarder() as roof:
        roof.send_raw(b"\x02\xab\xcd\x00" + EUIS[0].to_bytes(8, "big") + body)
        await roof.push_acknowledged(0xABCD)
        assert roofs.counters[f"udp.concentrator.{EUI}.push_data"] == 1
        refused = sum(n for name, n in roofs.counters.items() if name.startswith("udp.refused."))
        assert refused == (body != b'{"rxpk":null}')


# -- liars ---------------------------------------------------------------------------------------------

LIES_US = (2_950_000, 3_050_000, 1_000_000, 400_000, -2_950_000, 2**31)


@pytest.mark.parametrize("ahead_us", LIES_US)
@pytest.mark.parametrize("times", [1, 20])
async def test_spoofed_datagrams_make_no_answer_late(
    ahead_us: int, times: int, bench: Bench, roofs: Roofs
) -> None:
    """From the concentrator's own address: a frame of nobody, an old one, a foreign one."""
    node = Node()
    async with roofs.forwarder() as roof:
        await roof.pull()
        old = node.report(ack=True)
        roof.hear(old)
        await downlink(roofs, roof)
        frames = (old, b"\x40" + bytes(20), Node(0xBAD, bytes(16)).report(ack=True))
        for number in range(times):
            roof.hear(frames[number % 3], tmst=(roof.now_us + ahead_us) % 2**32)
        await handled(roof)
        await bench.settled()
        pass_time(roofs, 250_000)
        await handled(roof)
        while not roof.downlinks.empty():
            roof.downlinks.get_nowait()  # to the replayed frame, at a wrong time
        for _ in range(5):
            pass_time(roofs, 5_000_000)
            rxpk = roof.hear(node.report(ack=True))
            txpk = await downlink(roofs, roof)
            assert txpk["tmst"] == (rxpk["tmst"] + 1_000_000) % 2**32
            assert node.open(base64.b64decode(txpk["data"]))


async def test_the_first_frame_of_all_may_be_the_lie(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with roofs.forwarder() as roof:
        await roof.pull()
        roof.hear(node.report(ack=True), tmst=(roof.now_us + 2_950_000) % 2**32)
        await downlink(roofs, roof)
        for _ in range(5):
            pass_time(roofs, 5_000_000)
            rxpk = roof.hear(node.report(ack=True))
            assert (await downlink(roofs, roof))["tmst"] == (rxpk["tmst"] + 1_000_000) % 2**32


async def test_an_authentic_frame_from_elsewhere_tells_nothing_about_the_concentrators_clock(
    bench: Bench, roofs: Roofs
) -> None:
    """Somebody has heard a frame with a radio of his own, and is faster than the concentrator."""
    node = Node()
    async with roofs.forwarder() as roof, roofs.forwarder() as liar:
        await roof.pull()
        for _ in range(20):
            liar.hear(node.report(ack=True), tmst=(roof.now_us + 2_950_000) % 2**32)
        await handled(liar)
        await until(lambda: bench.metrics.counters["store.frames"] == 20, "they are authentic")
        await bench.settled()
        for _ in range(5):
            pass_time(roofs, 5_000_000)
            rxpk = roof.hear(node.report(ack=True))
            while (await downlink(roofs, roof))["tmst"] != (rxpk["tmst"] + 1_000_000) % 2**32:
                pass  # one to the liar's time
    assert roofs.counters["udp.tx_refused.late"] == 0


async def test_a_guessed_report_about_an_answer_is_not_believed(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    order(bench)
    async with roofs.forwarder() as roof, roofs.forwarder() as liar:
        roof.silent = True
        await roof.pull()
        roof.hear(node.report(ack=True))
        await downlink(roofs, roof)
        for token in range(20):
            liar._down.sendto(liar._header(token, 5) + b'{"txpk_ack":{"error":"TOO_LATE"}}')
        await roofs.counted("udp.tx_unknown_token", 20)
        await bench.settled()
    assert bench.metrics.counters["queue.aborted"] == 0


# -- radios that refuse --------------------------------------------------------------------------------


async def test_a_concentrator_that_refuses_every_answer_is_told_of(
    tmp_path: Path,
) -> None:
    node, port, http = Node(), free_port(), free_port()
    section = f'[http]\nport = {http}\n[udp]\nlisten = "127.0.0.1"\nport = {port}\neuis = ["{EUI}"]\n'
    async with GatewayProcess(tmp_path, None, section) as gateway:
        await gateway.add(node)
        await until(lambda: gateway.status()["states"].get("udp") == "up", "udp listens")

        async def health(told: bool) -> list[dict]:
            async with asyncio.timeout(DEADLINE_S):
                while True:
                    reasons = json.loads((await asyncio.to_thread(get, http, "/health"))[1])["reasons"]
                    if bool(reasons) == told:
                        return reasons
                    await asyncio.sleep(0.05)

        async with PacketForwarder(EUIS[0], ("127.0.0.1", port)) as roof:
            await roof.pull()
            roof.error = "TX_FREQ"
            for _ in range(5):
                roof.hear(node.report(ack=True), datr="SF7BW125")
                async with asyncio.timeout(DEADLINE_S):
                    await roof.refused.get()
            reasons = await health(told=True)
            assert [(r["code"], r["part"]) for r in reasons] == [("answers_failing", EUI)]
            assert "tx_freq" in reasons[0]["text"]
            text = (await asyncio.to_thread(get, http, "/metrics"))[1]
            assert f'lyhord_up{{part="{EUI}.answers"}} 0.0' in text
            assert f'concentrator="{EUI}",event="tx.tx_freq"}} 5.0' in text
            log = gateway.log.read_text()
            assert log.count("answers were not sent") == 1 and "tx_freq" in log
            roof.error = None
            roof.hear(node.report(ack=True))
            await roof.downlink()
            await health(told=False)
            assert "answers are sent again" in gateway.log.read_text()
        assert await gateway.terminate() == 0


async def test_a_concentrator_that_does_not_pull_is_told_of(roofs: Roofs) -> None:
    node = Node()
    async with roofs.forwarder() as roof:
        for _ in range(3):
            roof.hear(node.report(ack=True))
        await counted(roofs, "udp.tx_refused.no_pull", 3)
        states, why = roofs.bench.metrics.states, roofs.bench.metrics.why
        assert (states[f"{EUI}.answers"], "no_pull 3" in why[f"{EUI}.answers"]) == ("failing", True)


async def test_reports_that_stop_coming_are_told_of(roofs: Roofs) -> None:
    node = Node()
    async with roofs.forwarder() as roof:
        await roof.pull()
        roof.hear(node.report(ack=True))
        await counted(roofs, "udp.tx.sent")
        roof.silent = True
        for _ in range(4):
            pass_time(roofs, 11_000_000)
            roof.hear(node.report(ack=True))
            await downlink(roofs, roof)
        assert roofs.counters["udp.tx_unanswered"] == 3
        assert roofs.bench.metrics.states[f"{EUI}.answers"] == "failing"
