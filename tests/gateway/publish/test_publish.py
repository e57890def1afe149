"""Towards the platform: nothing passes the cursor before its PUBACK, whatever the platform does."""

import asyncio
import contextlib
import json
from pathlib import Path

import aiomqtt
import pytest

from lyhord_gateway.mqtt.client import SubscriptionRefused, watch
from lyhord_gateway.operation.health import Facts, Report
from lyhord_gateway.operation.status_publisher import StatusPublisher
from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.fiware import FiwareProfile
from lyhord_gateway.profiles.thingsboard import ThingsBoardProfile
from lyhord_gateway.profiles.yggio import YggioProfile
from lyhord_gateway.publish.shape import Bounds
from lyhord_wire.about import encode_about
from lyhord_wire.frame import KIND_ABOUT
from tests.fakes.silent_broker import SilentBroker
from tests.gateway import senml_resolver
from tests.gateway.bench import Bench
from tests.gateway.parts import DEADLINE_S, NODE, Mosquitto, Node, connected, until
from tests.gateway.publishing import SENML, publishing, sent


async def test_without_a_puback_nothing_passes_the_cursor(bench: Bench) -> None:
    node = Node()
    await bench.heard(node.report(count=12))
    async with SilentBroker() as broker:
        async with publishing(bench, broker.port):
            await until(lambda: len(sent(broker)) == 12, "all readings are sent")
            first = list(broker.published)
            await bench.settled()
            assert bench.reader.cursor("city") == 0
            broker.published.clear()
            broker.drop_all()  # the platform goes before it has acknowledged anything
            await until(lambda: len(sent(broker)) == 12, "all are sent again")
            assert broker.published == first, "sent twice, but not the same"
            broker.acknowledging = True
            broker.published.clear()
            broker.drop_all()
            await until(lambda: bench.reader.cursor("city") == 12, "the cursor follows the PUBACKs")
            assert broker.published == first
        assert [len(senml_resolver.readings(json.loads(payload))) for _, payload in first] == [5, 5, 2]


# Those with a time of their own in every reading, and how many messages three readings make.
TIMED: dict[str, tuple[Profile, int]] = {
    "senml": (SENML, 1),
    "thingsboard": (ThingsBoardProfile(), 1),
    "fiware": (FiwareProfile("key"), 1),
    "yggio": (YggioProfile("yggio/generic/v2/x/{node}", "gw"), 3),
}


@pytest.mark.parametrize("name", TIMED)
async def test_what_is_sent_again_is_the_same_whatever_has_changed_since(bench: Bench, name: str) -> None:
    """A lost PUBACK; meanwhile another radio heard better, and the node has another name and place."""
    profile, count = TIMED[name]
    node = Node()
    frame = node.report(count=3)

    def telemetry() -> list[tuple[str, bytes]]:
        return [packet for packet in broker.published if b"temperature" in packet[1]]

    async with SilentBroker() as broker, publishing(bench, broker.port, profile=profile):
        await bench.heard(frame, source="roof", heard_us=1, rssi=-110)
        await until(lambda: telemetry() or broker.acknowledge_all(), "the announcement is over")
        await until(lambda: len(telemetry()) == count, "it is sent")
        first = telemetry()
        await bench.heard(frame, source="tower", heard_us=2, rssi=-70)  # the same frame
        await bench.heard(node.frame(encode_about({0: "Ny gata 5", 1: 59_000_000, 3: 1}), kind=KIND_ABOUT))
        bench.add(name="Nyare gata 6")
        broker.published.clear()
        broker.acknowledging = True
        broker.drop_all()
        await until(lambda: bench.reader.cursor("city") == 3, "it is sent again and acknowledged")
        assert telemetry() == first
        assert b"-70" not in b"".join(payload for _, payload in first)


async def test_live_readings_go_before_the_backlog_and_mark_it(bench: Bench) -> None:
    node, other = Node(), Node(0xB02)
    bench.add(other.id)
    for _ in range(40):
        await bench.heard(node.report(count=5))
    async with SilentBroker() as broker, publishing(bench, broker.port):
        await until(lambda: len(broker.published) == 4, "the backlog fills the window")
        await bench.heard(node.report())
        await bench.heard(other.report())
        await until(
            lambda: (NODE, 200) in sent(broker) or broker.acknowledge_all(), "the live reading is sent"
        )
        assert sent(broker).index((NODE, 200)) <= 100, "after what was under way, not after the backlog"
        broker.acknowledging = True
        broker.acknowledge_all()
        await until(lambda: bench.reader.cursor("city") == 202, "all of it is delivered")
        await bench.settled()
        assert bench.reader.delivered("city") == [(0, 203)]
    found = [
        one for _, payload in broker.published for one in senml_resolver.readings(json.loads(payload)).items()
    ]
    assert sorted(sent(broker)) == [(NODE, seq) for seq in range(201)] + [(0xB02, 0)], "none is doubled"
    order = [(key, "backlog" in records) for key, records in found]
    at = order.index(((NODE, 200), False))
    assert not any(late for _, late in order[: at + 1])
    assert all(late for key, late in order[at + 1 :] if key[0] == NODE), "older than what the platform has"
    assert ((0xB02, 0), False) in order


async def test_a_gap_outlives_a_crash(bench: Bench) -> None:
    """Live readings are acknowledged, most of the backlog is not; then we are killed."""
    node = Node()
    for _ in range(40):
        await bench.heard(node.report(count=5))
    async with SilentBroker() as broker, publishing(bench, broker.port):
        await until(lambda: len(broker.published) == 4, "the backlog fills the window")
        await bench.heard(node.report())
        await until(lambda: (NODE, 200) in sent(broker) or broker.acknowledge_all(), "it is sent")
        broker.acknowledge_all()
        await until(lambda: len(bench.reader.delivered("city")) == 2, "a gap is on disk")
        first = set(sent(broker))
    before = bench.reader.delivered("city")
    waiting, _ = bench.reader.waiting("city")
    assert before[1] == (201, 202)
    assert 0 < waiting < 200
    async with SilentBroker(acknowledging=True) as broker, publishing(bench, broker.port):
        await until(lambda: bench.reader.cursor("city") == 201, "the rest is delivered")
        again = sent(broker)
    assert len(again) == waiting, "only what was not acknowledged"
    assert first | set(again) == {(NODE, seq) for seq in range(201)}


async def test_a_platform_that_never_acknowledges_is_given_up_and_tried_again(
    bench: Bench,
) -> None:
    await bench.heard(Node().report(count=3))
    async with SilentBroker() as broker, publishing(bench, broker.port, silence_s=0.2):
        await until(lambda: broker.connections >= 3, "new connections after the timeout")
        await bench.settled()
        assert bench.reader.cursor("city") == 0
        broker.acknowledging = True
        await until(lambda: bench.reader.cursor("city") == 3, "delivered in the end")


async def test_a_platform_that_acknowledges_slowly_is_waited_for_longer(bench: Bench) -> None:
    """Four messages, each PUBACK of which takes several times as long as we wait at first."""
    await bench.heard(Node().report(count=20))
    async with (
        SilentBroker(acknowledging=True, delay_s=0.3) as broker,
        publishing(bench, broker.port, silence_s=0.1),
    ):
        await until(lambda: bench.reader.cursor("city") == 20, "all are delivered")
    assert bench.metrics.counters["platform.city.readings_skipped"] == 0


async def test_a_platform_that_subscribes_us_slowly_is_waited_for_longer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribed = asyncio.Event()

    async def listen(client: aiomqtt.Client) -> None:
        with contextlib.suppress(SubscriptionRefused):
            await client.subscribe("requests", qos=1)
        subscribed.set()
        await watch(client)

    monkeypatch.setattr("lyhord_gateway.mqtt.client.TIMEOUT_S", 0.1)
    async with (
        SilentBroker(acknowledging=True, delay_s=0.3) as broker,
        publishing(bench, broker.port, silence_s=0.1, listen=listen),
    ):
        await until(subscribed.is_set, "its SUBACK came")


async def test_a_silent_platform_is_sent_one_message_at_a_time(bench: Bench) -> None:
    await bench.heard(Node().report(count=20))
    bounds = Bounds(count=5, size=10_000, wait_ms=10, window=4, silence_s=0.05, silence_max_s=0.4)
    async with SilentBroker() as broker, publishing(bench, broker.port, bounds=bounds):
        await until(
            lambda: bench.metrics.why.get("platform.city") == "no PUBACK for 0.4 s", "it is given up for long"
        )
        assert len(broker.published) < 4 + broker.connections, "all at first, then one in each connection"
        assert bench.metrics.states["platform.city"] == "down"
        broker.acknowledging = True
        await until(lambda: bench.reader.cursor("city") == 20, "all are delivered")
        await until(lambda: bench.metrics.states["platform.city"] == "up", "and it is up again")


async def test_a_platform_that_is_silent_about_our_health_is_given_up(bench: Bench) -> None:
    """It lets one message wait for its PUBACK, and that is not one with readings."""
    await bench.heard(Node().report(count=3))
    status_publisher = StatusPublisher("health", "gw", "1.0", lambda: Report((), (), (), Facts(0.0)))
    async with (
        SilentBroker(receive_maximum=1) as broker,
        publishing(bench, broker.port, silence_s=0.05, protocol="5", status_publisher=status_publisher),
    ):
        await until(lambda: broker.connections >= 3, "it is given up each time")
        assert bench.metrics.states["platform.city"] == "down"
        broker.acknowledging = True
        await until(lambda: bench.reader.cursor("city") == 3, "delivered in the end")


async def test_a_platform_that_is_down_holds_nothing_else_up(bench: Bench, tmp_path: Path) -> None:
    node = Node()
    async with (
        Mosquitto(tmp_path) as broker,
        connected(broker.port, "lyhord/#") as platform,
        publishing(bench, broker.port, "city"),
        publishing(bench, 1, "gone"),
    ):
        for count in range(1, 40):
            bench.hear(node.report(count=count % 4 + 1))
        await bench.settled()
        got: set[tuple[int, int]] = set()
        async with asyncio.timeout(DEADLINE_S):
            async for message in platform.messages:
                assert isinstance(message.payload, bytes)
                got |= set(senml_resolver.readings(json.loads(message.payload)))
                if len(got) == node.seq:
                    break
        await until(lambda: bench.reader.cursor("city") == node.seq, "the cursor")
        assert bench.reader.cursor("gone") == 0
        assert bench.metrics.states["platform.gone"] == "down"


async def test_a_platform_that_restarts_gets_everything(bench: Bench, tmp_path: Path) -> None:
    node = Node()
    broker = Mosquitto(tmp_path)
    await broker.start()
    got: list[tuple[int, int]] = []
    async with publishing(bench, broker.port):
        for _ in range(3):
            async with connected(broker.port, "lyhord/#") as platform:
                await bench.heard(node.report(count=7))
                new = {(NODE, seq) for seq in range(node.seq - 7, node.seq)}
                async with asyncio.timeout(DEADLINE_S):
                    while not new <= set(got):
                        message = await anext(platform.messages)
                        assert isinstance(message.payload, bytes)
                        got += senml_resolver.readings(json.loads(message.payload))
            await until(lambda: bench.reader.cursor("city") == node.seq, "the cursor")
            await broker.stop()
            await bench.heard(node.report(count=5))
            await until(lambda: bench.metrics.states["platform.city"] == "down", "down")
            assert bench.reader.cursor("city") == node.seq - 5
            await broker.start()
            await until(lambda: bench.reader.cursor("city") == node.seq, "delivered after the restart")
    await broker.stop()
    assert len(got) == len(set(got)) == 21


async def test_a_batch_waits_for_company_but_not_for_long(bench: Bench) -> None:
    node = Node()
    async with SilentBroker(acknowledging=True) as broker:
        async with publishing(bench, broker.port, wait_ms=60_000):
            for _ in range(4):
                await bench.heard(node.report())
            await asyncio.sleep(0.1)
            assert broker.published == []
            await bench.heard(node.report())  # the fifth fills the batch
            await until(lambda: bench.reader.cursor("city") == node.seq, "a full batch goes at once")
            assert len(broker.published) == 1
        broker.published.clear()
        async with publishing(bench, broker.port, wait_ms=50):
            await bench.heard(node.report())
            await until(lambda: bench.reader.cursor("city") == node.seq, "a lone reading goes after its wait")
            assert len(broker.published) == 1


async def test_thingsboard_is_announced_to_a_device_before_its_telemetry(bench: Bench) -> None:
    node = Node()

    def topics() -> list[str]:
        return [topic.removeprefix("v1/gateway/") for topic, _ in broker.published]

    async with (
        SilentBroker(acknowledging=True) as broker,
        publishing(bench, broker.port, profile=ThingsBoardProfile()),
    ):
        await bench.heard(node.report())
        await until(lambda: topics() == ["connect", "telemetry"], "connect first")
        await bench.heard(node.report())
        await until(lambda: topics() == ["connect", "telemetry", "telemetry"], "connect once")
        broker.published.clear()
        await bench.heard(node.frame(encode_about({0: "Storgatan 5", 3: 1}), kind=KIND_ABOUT))
        await bench.heard(node.report())
        await until(lambda: topics() == ["connect", "attributes", "telemetry"], "new facts are told")
        assert json.loads(broker.published[1][1]) == {"lyhord-000a01": {"name": "Storgatan 5"}}
        broker.published.clear()
        broker.drop_all()
        await bench.heard(node.report())
        await until(lambda: topics() == ["connect", "attributes", "telemetry"], "told again after that")


async def test_a_stop_lets_the_last_batch_be_acknowledged(bench: Bench) -> None:
    node = Node()
    async with SilentBroker() as broker, publishing(bench, broker.port) as publisher:
        await bench.heard(node.report(count=3))
        await until(lambda: len(broker.published) == 1, "the batch is under way")
        publisher.stop()
        (packet,) = broker.published
        broker.acknowledge_all()
        await until(lambda: bench.reader.cursor("city") == 3, "its PUBACK counts")
        assert broker.published == [packet]
