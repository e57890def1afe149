"""WiFi nodes through a real broker: answers, junk, wrong topics, and a broker that goes away."""

import contextlib
import os
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from lyhord_gateway.mqtt.client import make_client
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.mqtt_url import MqttUrl
from lyhord_gateway.sources.mqtt import MqttSource
from tests.fakes.silent_broker import SilentBroker
from tests.gateway.bench import Bench
from tests.gateway.parts import Mosquitto, Node, connected, meanwhile, next_message, until


@contextlib.asynccontextmanager
async def listening(bench: Bench, port: int, ca_file: Path | None = None) -> AsyncIterator[None]:
    endpoint = Endpoint(url=MqttUrl("127.0.0.1", port, ca_file is not None), ca_file=ca_file)
    make = partial(make_client, endpoint, "lyhord-gateway-1", clean_session=False)
    source = MqttSource(make, bench.around())
    async with meanwhile(source.run()):
        yield


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    async with Mosquitto(tmp_path) as broker:
        yield broker


def up(bench: Bench) -> bool:
    return bench.metrics.states.get("mqtt") == "up"


async def test_a_frame_is_stored_and_answered_on_its_own_topic(bench: Bench, broker: Mosquitto) -> None:
    node, other = Node(), Node(0xB)
    bench.add(0xB)
    async with listening(bench, broker.port), connected(broker.port, node.down, other.down) as client:
        await until(lambda: up(bench), "listening")
        await client.publish(node.up, node.report(ack=True), qos=1)
        answer = await next_message(client)
        assert str(answer.topic) == node.down
        assert isinstance(answer.payload, bytes) and node.open(answer.payload)[1] == 1
        await client.publish(other.up, other.report(), qos=1)
        await client.publish(other.up, other.report(ack=True), qos=1)
        answer = await next_message(client)
        assert str(answer.topic) == other.down
        assert isinstance(answer.payload, bytes) and other.open(answer.payload)[1] == 2
    assert bench.stored(node) == [0] and bench.stored(other) == [0, 1]


async def test_a_broker_that_lets_us_hear_nothing_is_down(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async with SilentBroker() as refusing, listening(bench, refusing.port):
        await until(lambda: bench.metrics.states.get("mqtt") is not None, "an outcome")
    assert bench.metrics.states["mqtt"] == "down"
    assert "the broker refuses a subscription to lyhord/v1/+/up" in caplog.text


async def test_junk_and_wrong_topics_are_counted_and_the_next_frame_is_handled(
    bench: Bench, broker: Mosquitto
) -> None:
    node = Node()
    counters = bench.metrics.counters
    async with listening(bench, broker.port), connected(broker.port) as client:
        await until(lambda: up(bench), "listening")
        for topic in ("lyhord/v1/xyz/up", "lyhord/v1/000A01/up", "lyhord/v1//up", "lyhord/v1/0000a01/up"):
            await client.publish(topic, node.report(), qos=1)
        await client.publish("lyhord/v1/00000b/up", node.report(), qos=1)  # somebody else's topic
        await client.publish(node.up, os.urandom(5000), qos=1)
        await client.publish(node.up, b"", qos=1)
        await client.publish(node.up, b"\0" * 16, qos=1)  # its bytes 2 to 4 are no node of this topic
        await client.publish(node.up, b"\0\0" + node.id.to_bytes(3, "big") + os.urandom(300), qos=1)
        await client.publish(node.up, node.report(), qos=1)
        await until(lambda: counters["store.frames"] == 1, "the good frame")
    assert counters["mqtt.refused.junk"] == 4
    assert counters["mqtt.refused.size"] == 1
    assert counters["mqtt.refused.topic"] == 2
    assert bench.refused == {"length": 1, "not_ours": 1}


async def test_a_broker_that_goes_away_is_found_again(bench: Bench, broker: Mosquitto) -> None:
    node = Node()
    async with listening(bench, broker.port):
        for number in range(1, 4):
            await until(lambda: up(bench), "listening")
            async with connected(broker.port, node.down) as client:
                await client.publish(node.up, node.report(ack=True), qos=1)
                answer = await next_message(client)
                assert isinstance(answer.payload, bytes) and node.open(answer.payload)[1] == number
            await broker.stop()
            await until(lambda: not up(bench), "the loss is noticed")
            await broker.start()
    assert bench.metrics.counters["mqtt.connections_lost"] >= 3


async def test_what_a_broker_retained_is_no_frame(bench: Bench, broker: Mosquitto) -> None:
    node = Node()
    async with connected(broker.port) as client:
        await client.publish(node.up, node.report(ack=True), qos=1, retain=True)
        async with listening(bench, broker.port):
            await until(lambda: bench.metrics.counters["mqtt.refused.retained"] == 1, "old, so refused")
            await client.publish(node.up, node.report(ack=True), qos=1, retain=True)
            await until(lambda: bench.metrics.counters["store.frames"] == 1, "live, so taken")
    assert bench.stored(node) == [1]


async def test_what_nodes_said_while_we_were_away_is_heard(bench: Bench, broker: Mosquitto) -> None:
    node = Node()
    async with listening(bench, broker.port):
        await until(lambda: up(bench), "listening")
    async with connected(broker.port) as client:
        for _ in range(50):
            await client.publish(node.up, node.report(), qos=1)
    async with listening(bench, broker.port):
        await until(lambda: bench.metrics.counters["store.frames"] == 50, "the broker kept them")
    assert bench.stored(node) == list(range(50))


async def test_a_certificate_file_that_went_bad_meanwhile_is_a_broker_that_is_away(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate\n")
    async with listening(bench, 1, tmp_path / "ca.pem"):
        await until(lambda: bench.metrics.states.get("mqtt") == "down", "it goes on trying")
    assert "mqtt: node broker lost (" in caplog.text
