"""Concentrators over UDP: a packet forwarder of the tests' own against the source, and hostile datagrams."""

import asyncio
import base64
import random
import socket
from pathlib import Path

import pytest

from lyhord_gateway.model.orders import command_order
from lyhord_gateway.sources.udp import UdpSource
from lyhord_gateway.store.downlinks.queue import enqueue
from lyhord_gateway.store.schema import connect
from tests.fakes.packet_forwarder import PacketForwarder
from tests.gateway.bench import NOW_S, Bench, running
from tests.gateway.hostile_datagrams import datagrams
from tests.gateway.parts import NODE, GatewayProcess, Node, free_port, meanwhile, until
from tests.gateway.roofs import EUIS, Roofs


async def test_a_frame_is_acknowledged_stored_and_answered_in_rx1(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with PacketForwarder(EUIS[0], roofs.server, clock_us=2**32 - 600_000) as roof:
        await roof.pull()
        rxpk = roof.hear(node.report(ack=True), rssi=-103, lsnr=-7.3)
        txpk = await roof.downlink()
        assert txpk["tmst"] == (rxpk["tmst"] + 1_000_000) % 2**32
        assert txpk["tmst"] < rxpk["tmst"], "the clock wraps between the uplink and its answer"
        data = base64.b64decode(txpk.pop("data"), validate=True)
        assert node.open(data)[1] == 1
        assert txpk == {
            "imme": False,
            "tmst": txpk["tmst"],
            "freq": 868.1,
            "rfch": 0,
            "powe": 14,
            "modu": "LORA",
            "datr": "SF9BW125",
            "codr": "4/5",
            "ipol": True,
            "prea": 8,
            "size": len(data),
            "ncrc": True,
        }
        await roofs.counted("udp.rx1_answers")
        assert len(roofs.kept) == 1, "the duty ledger is made durable with every downlink"
        assert roof.pushed == {roof.acknowledged.get_nowait()}
        assert roof.strays == []
    (reading,) = bench.readings()
    assert (reading.rssi_dbm, reading.snr_q4, reading.heard_by) == (-103, -29, "aa555a0000000101")
    assert bench.metrics.states["aa555a0000000101"] == "up"


async def test_two_concentrators_one_reading_and_the_better_one_answers(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with PacketForwarder(EUIS[0], roofs.server) as far, PacketForwarder(EUIS[1], roofs.server) as near:
        await far.pull()
        await near.pull()
        for number in range(1, 6):
            frame = node.report(ack=True)
            far.hear(frame, rssi=-118, datr="SF7BW125")
            await until(lambda n=number: bench.metrics.counters["store.frames"] == n, "the first is stored")
            near.hear(frame, rssi=-80, datr="SF7BW125")
            txpk = await near.downlink()
            assert node.open(base64.b64decode(txpk["data"]))[1] == number
        await roofs.counted("udp.rx1_answers", 5)
        assert far.downlinks.empty()
    assert bench.stored() == [0, 1, 2, 3, 4]
    assert {(r.rssi_dbm, r.heard_by) for r in bench.readings()} == {(-80, "aa555a0000000102")}
    assert bench.metrics.counters["ingest.heard_by_another"] == 5


async def test_rx2_when_the_channels_duty_cycle_is_spent(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with PacketForwarder(EUIS[0], roofs.server) as roof:
        await roof.pull()
        now_us = bench.times.now_us()
        roofs.concentrators["aa555a0000000101"].scheduler._ledgers["M"].record(now_us, 36_000_000)
        rxpk = roof.hear(node.report(ack=True))
        txpk = await roof.downlink()
        assert (txpk["freq"], txpk["datr"]) == (869.525, "SF12BW125")
        assert txpk["tmst"] == (rxpk["tmst"] + 2_000_000) % 2**32
        await roofs.counted("udp.rx2_answers")


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("NONE", "sent"),
        ("TOO_LATE", "too_late"),
        ("TOO_EARLY", "too_early"),
        ("COLLISION_PACKET", "collision_packet"),
        ("COLLISION_BEACON", "collision_beacon"),
        ("TX_FREQ", "tx_freq"),
        ("TX_POWER", "tx_power"),
        ("GPS_UNLOCKED", "gps_unlocked"),
        ("SOMETHING_NEW", "other"),
    ],
)
async def test_every_outcome_of_a_downlink_is_counted(error: str, outcome: str, roofs: Roofs) -> None:
    async with PacketForwarder(EUIS[0], roofs.server) as roof:
        await roof.pull()
        roof.error = error
        roof.hear(Node().report(ack=True))
        await roofs.counted(f"udp.tx.{outcome}")
        assert roofs.counters["udp.rx1_answers"] == (outcome == "sent")


async def test_another_power_is_a_warning_and_a_strange_token_nothing(roofs: Roofs) -> None:
    async with PacketForwarder(EUIS[0], roofs.server) as roof:
        await roof.pull()
        roof.warn = ("TX_POWER", 12)
        roof.hear(Node().report(ack=True))
        await roofs.counted("udp.tx_warned")
        assert roofs.counters["udp.rx1_answers"] == 1
        roof.send_raw(bytes.fromhex("02777705") + EUIS[0].to_bytes(8, "big"))
        await roofs.counted("udp.tx_unknown_token")


async def test_without_a_pull_and_without_time_nothing_is_sent(roofs: Roofs) -> None:
    node = Node()
    async with PacketForwarder(EUIS[0], roofs.server) as roof:
        for _ in range(2):
            roof.hear(node.report(ack=True))
        await roofs.counted("udp.tx_refused.no_pull", 2)
        await roof.pull()
        # A datagram that was two seconds under way: both windows are over, and the clock tells.
        late = (roof.now_us - 2_000_000) % 2**32
        roof.hear(node.report(ack=True), tmst=late)
        await roofs.counted("udp.tx_refused.late")
        assert roof.downlinks.empty()


async def test_an_answer_that_the_kernel_refuses_was_not_sent(bench: Bench, roofs: Roofs) -> None:
    order_entry = connect(bench.path)
    enqueue(order_entry, NODE, command_order("restart", ()), "cli", NOW_S)
    order_entry.close()
    async with PacketForwarder(EUIS[0], roofs.server) as roof:
        await roof.pull()
        roofs.concentrators["aa555a0000000101"].pull = ("255.255.255.255", 1)  # broadcast is forbidden
        roof.hear(Node().report(ack=True))
        await roofs.counted("udp.send_dropped")
        await roofs.counted("queue.aborted")
    (entry,) = bench.reader.orders()
    assert (entry.state, entry.tries) == ("waiting", 0)


async def test_only_what_may_be_ours_is_looked_at(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    frame = node.report()
    good = node.report()
    async with PacketForwarder(EUIS[0], roofs.server) as roof:
        cases: list[tuple[str, object]] = [
            ("crc", roof.rxpk(frame, stat=-1)),
            ("crc", roof.rxpk(frame, stat=0)),
            ("not_lora", roof.rxpk(frame, modu="FSK", datr=50000)),
            ("not_lora", roof.rxpk(frame, datr="SF7BW250")),
            ("not_eu868", roof.rxpk(frame, freq=902.3)),
            ("base64", roof.rxpk(frame, data="§$%")),
            ("base64", roof.rxpk(frame, data="A")),
            ("size", roof.rxpk(frame, size=len(frame) + 1)),
            ("size", roof.rxpk(bytes(256))),
            ("schema", roof.rxpk(frame, tmst=2**32)),
            ("schema", roof.rxpk(frame, data=None)),
            ("schema", roof.rxpk(frame, freq=1e300)),
            ("schema", {}),
            ("schema", 7),
        ]
        token = roof.push(
            {"stat": {"rxnb": 2}, "rxpk": [*(rxpk for _, rxpk in cases), roof.rxpk(good, freq=867.9)]}
        )
        await roof.push_acknowledged(token)
        await until(lambda: bench.metrics.counters["store.frames"] == 1, "the good one among them")
        for reason in {reason for reason, _ in cases}:
            wanted = sum(reason == other for other, _ in cases)
            assert roofs.counters[f"udp.passed_over.{reason}"] == wanted, reason
        # The same transmission on a neighbouring channel, weakly; without padding and in the other alphabet.
        frame = node.report()
        text = base64.urlsafe_b64encode(frame).decode().rstrip("=")
        roof.push(
            {"rxpk": [roof.rxpk(frame, freq=868.3, rssi=-120), roof.rxpk(frame, rssi=-60.4, data=text)]}
        )
        await until(lambda: bench.metrics.counters["store.frames"] == 2, "one frame of two receptions")
        assert roofs.counters["udp.passed_over.copy"] == 1
    assert bench.stored() == [1, 2]
    assert bench.readings()[1].rssi_dbm == -60


async def test_unknown_nodes_are_counted_and_never_answered(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with (
        PacketForwarder(0xDEAD, roofs.server) as unknown_node,
        PacketForwarder(EUIS[0], roofs.server) as roof,
    ):
        for _ in range(50):
            unknown_node.hear(node.report(ack=True))
        unknown_node._down.sendto(unknown_node._header(1, 2))
        await roofs.counted("udp.refused.unknown_eui", 51)
        await roof.pull()  # a datagram that is answered; the unknown node's would have come before
        assert unknown_node.strays == []
        assert unknown_node.acknowledged.empty() and unknown_node.pull_acks.empty()
    assert bench.stored() == []


async def test_a_pull_from_another_address_is_told(roofs: Roofs, caplog: pytest.LogCaptureFixture) -> None:
    pull = b"\x02\x00\x01\x02" + EUIS[0].to_bytes(8, "big")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as thief:
        thief.bind(("127.0.0.2", 0))
        async with PacketForwarder(EUIS[0], roofs.server) as roof:
            await roof.pull()
            await roof.pull()
            assert roofs.counters["udp.pull_moved"] == 0
            thief.sendto(pull, roofs.server)
            await roofs.counted("udp.pull_moved")
            await roof.pull()
            await roofs.counted("udp.pull_moved", 2)
            roof.hear(Node().report(ack=True))
            await roof.downlink()  # to whom pulled last
    assert any("pulls from 127.0.0.2, before from 127.0.0.1" in r.getMessage() for r in caplog.records)


async def test_good_traffic_goes_on_among_hostile_datagrams(
    bench: Bench, roofs: Roofs, caplog: pytest.LogCaptureFixture
) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    node = Node()
    cases = datagrams()
    async with PacketForwarder(EUIS[0], roofs.server) as roof:
        await roof.pull()
        for number in range(1, 21):
            for _ in range(10):
                datagram = bytearray(rng.choice(cases))
                if datagram and rng.random() < 0.5:
                    datagram[rng.randrange(len(datagram))] ^= 1 << rng.randrange(8)
                roof.send_raw(bytes(datagram))
            roof.hear(node.report())
            await until(lambda n=number: bench.metrics.counters["store.frames"] == n, "the frame")
        await roof.pull()
    assert sum(roofs.refused().values()) > 100
    assert len(caplog.records) < 60
    assert bench.stored() == list(range(20))


async def test_an_address_in_use_is_tried_again(tmp_path: Path) -> None:
    async with running(Bench(tmp_path / "lyhord.db")) as bench:
        other = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        source = UdpSource("127.0.0.1", port, [], 14, bench.around())
        async with meanwhile(source.run()):
            with other:
                await until(lambda: bench.metrics.states.get("udp") == "down", "it says so")
            await until(lambda: bench.metrics.states.get("udp") == "up", "it has come back by itself")


async def test_datagrams_wait_in_the_kernel_while_the_store_has_no_room(bench: Bench, roofs: Roofs) -> None:
    node = Node()
    async with PacketForwarder(EUIS[0], roofs.server) as roof:
        roof.hear(node.report())
        await roofs.counted("udp.push_data")
        await until(lambda: bench.metrics.counters["store.frames"] == 1, "its commit is reported")
        await bench.settled()  # nothing is left that would set `room` again
        bench.store.room.clear()
        for _ in range(3):
            roof.hear(node.report())
        for _ in range(20):  # turns of the loop: one would be enough to take them
            await asyncio.sleep(0)
        assert roofs.counters["udp.push_data"] == 1
        bench.store.room.set()
        await roofs.counted("udp.push_data", 4)
        await bench.settled()
        assert bench.stored() == [0, 1, 2, 3]


async def test_from_the_configuration_to_the_answer(tmp_path: Path) -> None:
    node = Node()
    port = free_port()
    section = f'[udp]\nlisten = "127.0.0.1"\nport = {port}\neuis = ["AA555A0000000101", "AA555A0000000102"]\n'
    async with GatewayProcess(tmp_path, None, section) as gateway:
        await gateway.add(node)
        await until(lambda: gateway.status()["states"].get("udp") == "up", "udp listens")
        async with PacketForwarder(EUIS[0], ("127.0.0.1", port)) as roof:
            await roof.pull()
            roof.hear(node.report(ack=True))
            assert node.open(base64.b64decode((await roof.downlink())["data"]))[1] == 1
        assert await gateway.terminate() == 0
