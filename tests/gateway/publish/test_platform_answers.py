"""A platform's answers to a message: it refuses it, takes few at once, hangs up."""

import gzip

import pytest

from lyhord_gateway.operation.health import Health, Limits
from lyhord_gateway.profiles.thingsboard import ThingsBoardProfile
from lyhord_gateway.publish.encoding import Encoding
from tests.fakes.silent_broker import SilentBroker
from tests.gateway.bench import Bench
from tests.gateway.parts import NODE, Node, until
from tests.gateway.publishing import publishing, sent

REFUSED = 0x83
NOT_AUTHORIZED = 0x87


async def test_a_puback_that_refuses_is_no_acknowledgement(bench: Bench) -> None:
    await bench.heard(Node().report(count=3))
    async with (
        SilentBroker(acknowledging=True, reason=lambda _: NOT_AUTHORIZED) as broker,
        publishing(bench, broker.port, protocol="5") as publisher,
    ):
        await until(lambda: broker.connections >= 8, "it is tried again and again")
        assert bench.reader.cursor("city") == 0
        assert bench.metrics.counters["platform.city.messages_refused"] >= 7
        assert bench.metrics.counters["platform.city.readings_skipped"] == 0
        assert bench.metrics.states["platform.city"] == "refusing"
        bench.metrics.since_mono_s["platform.city"] -= 10
        health = Health(Limits(1, 1, 10**9, 0), bench.metrics, lambda _: None)  # type: ignore[arg-type,return-value]
        health.expect([], {"city": publisher.position})
        (reason,) = health.report().reasons
        assert reason.code == "platform_refusing"
        assert "Not authorized (0x87)" in reason.text
        assert "3 readings wait" in reason.text
        broker.reason = lambda _: 0
        await until(lambda: bench.reader.cursor("city") == 3, "delivered in the end")
        assert bench.metrics.states["platform.city"] == "up"


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_one_reading_that_does_not_pass_is_skipped_and_told(
    bench: Bench, protocol: str, caplog: pytest.LogCaptureFixture
) -> None:
    """3.1.1: it costs the connection; 5: its PUBACK refuses it."""
    node = Node()
    await bench.heard(node.report(count=12))

    def bad(payload: bytes) -> bool:
        return b'"v":7}' in payload

    broker = SilentBroker(acknowledging=True)
    if protocol == "5":
        broker.reason = lambda payload: REFUSED if bad(payload) else 0
    else:
        broker.poison = bad
    async with broker, publishing(bench, broker.port, protocol=protocol):
        await until(lambda: bench.reader.cursor("city") == 12, "all others are delivered")
        await bench.heard(node.report())
        await until(lambda: bench.reader.cursor("city") == 13, "and it goes on")
    assert bench.metrics.counters["platform.city.readings_skipped"] == 1
    assert bench.metrics.counters["platform.city.readings"] >= 12
    assert sum("sample 7 of node 000a01 skipped" in line for line in caplog.messages) == 1
    assert 7 in bench.stored(), "it stays in the history"


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
@pytest.mark.parametrize("nodes", [1, 3])
async def test_an_announcement_that_does_not_pass_is_skipped_and_told(
    bench: Bench, protocol: str, nodes: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Longer than the platform's limit for a packet: it hangs up, or its CONNACK has told that limit."""
    broker = SilentBroker(acknowledging=True)
    if protocol == "5":
        broker.packet_max = 200
    else:
        broker.poison = lambda payload: len(payload) > 200
    bench.add(name="€" * 64)
    for number in range(nodes):
        node = Node(NODE + number)
        if number:
            bench.add(node.id)
        await bench.heard(node.report())
    profile = ThingsBoardProfile()
    async with broker, publishing(bench, broker.port, profile=profile, protocol=protocol):
        await until(lambda: bench.reader.cursor("city") == nodes, "all readings are delivered")
        await until(
            lambda: bench.metrics.counters["platform.city.announcements_skipped"] == 1, "it is given up"
        )
        await until(lambda: bench.metrics.states["platform.city"] == "up", "and it goes on")
    assert bench.metrics.counters["platform.city.readings_skipped"] == 0
    assert sum("announcement of node 000a01 skipped" in line for line in caplog.messages) == 1


async def test_messages_that_are_too_long_get_shorter(bench: Bench) -> None:
    await bench.heard(Node().report(count=20))
    async with (
        SilentBroker(acknowledging=True, poison=lambda payload: len(payload) > 700) as broker,
        publishing(bench, broker.port),
    ):
        await until(lambda: bench.reader.cursor("city") == 20, "all are delivered")
    assert bench.metrics.counters["platform.city.readings_skipped"] == 0
    assert set(sent(broker)) == {(NODE, seq) for seq in range(20)}


async def test_a_platform_that_takes_nothing_loses_nothing(bench: Bench) -> None:
    await bench.heard(Node().report(count=12))
    async with (
        SilentBroker(acknowledging=True, poison=lambda _: True) as broker,
        publishing(bench, broker.port),
    ):
        await until(lambda: broker.connections > 15, "it is tried again and again")
        assert bench.metrics.states["platform.city"] == "down"
        broker.poison = lambda _: False
        await until(lambda: bench.reader.cursor("city") == 12, "all are delivered")
    assert bench.metrics.counters["platform.city.readings_skipped"] == 0


async def test_receive_maximum_and_properties(bench: Bench) -> None:
    for _ in range(10):
        await bench.heard(Node(0xA01).report(count=5))
    node = Node()
    node.counter = 100
    await bench.heard(node.samples(5, 45))
    async with (
        SilentBroker(receive_maximum=2) as broker,
        publishing(bench, broker.port, protocol="5", encoding=Encoding("application/senml+json", True, True)),
    ):
        await until(
            lambda: bench.reader.cursor("city") == bench.watermarks.high or broker.acknowledge_all(),
            "delivered",
        )
    assert broker.under_way_max == 2
    assert all(b"application/senml+json" in found for found in broker.properties)
    assert all(b"content-encoding" in found for found in broker.properties)
    for _, payload in broker.published:
        assert gzip.decompress(payload).startswith(b"[{")
    assert not any(found[:1] == b"\x02" for found in broker.properties), "no message expires"
