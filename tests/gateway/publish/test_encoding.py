"""Compression, and MQTT 5's properties and limits, all the way to a subscriber at a real Mosquitto."""

import asyncio
import gzip
import json
import socket
from pathlib import Path

import aiomqtt
import pytest

from lyhord_gateway.mqtt.client import watch
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.mqtt_url import MqttUrl
from lyhord_gateway.publish import client
from lyhord_gateway.publish.client import PlatformClient
from lyhord_gateway.publish.encoding import Encoding
from lyhord_wire.report import Report, encode_report
from tests.gateway import senml_resolver
from tests.gateway.bench import Bench
from tests.gateway.parts import (
    DEADLINE_S,
    NODE,
    GatewayProcess,
    Mosquitto,
    Node,
    connected,
    next_message,
    until,
)
from tests.gateway.publishing import publishing
from tests.gateway.readings import ALL

PACKET_MAX = 700  # bytes


class Strict(Mosquitto):
    """A broker that takes no packet of more than PACKET_MAX bytes, and says so with MQTT 5."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        with self._config.open("a") as config:
            config.write(f"max_packet_size {PACKET_MAX}\n")


async def test_a_compressed_message_is_the_plain_one_packed(tmp_path: Path) -> None:
    """Several platforms at one broker: without compression, and with, in both versions of MQTT."""
    kinds = {"plain": ("none", "5"), "old": ("gzip", "3.1.1"), "new": ("gzip", "5")}
    node = Node()
    async with Mosquitto(tmp_path) as broker:
        sections = "".join(
            f'[[platform]]\nname = "{name}"\nurl = "mqtt://127.0.0.1:{broker.port}"\nprofile = "senml"\n'
            f'topic = "{name}"\ncompression = "{compression}"\nprotocol = "{protocol}"\n'
            for name, (compression, protocol) in kinds.items()
        )
        gateway = GatewayProcess(tmp_path, None, sections)
        await gateway.add(node)
        got: dict[str, aiomqtt.Message] = {}
        async with (
            aiomqtt.Client("127.0.0.1", broker.port, protocol=aiomqtt.ProtocolVersion.V5) as subscriber,
            gateway,
            connected(gateway.port) as nodes,
        ):
            for topic in kinds:
                await subscriber.subscribe(topic, qos=1)
            await nodes.publish(node.up, node.report(count=8), qos=1)
            async with asyncio.timeout(DEADLINE_S):
                while set(got) != set(kinds):
                    message = await anext(subscriber.messages)
                    got[str(message.topic)] = message
    payloads = {name: message.payload for name, message in got.items()}
    plain = payloads["plain"]
    assert isinstance(plain, bytes)
    assert set(senml_resolver.readings(json.loads(plain))) == {(NODE, seq) for seq in range(8)}
    assert payloads["old"] == payloads["new"], "the same bytes whenever they are sent"
    assert isinstance(payloads["new"], bytes) and len(payloads["new"]) < len(plain) / 2
    assert gzip.decompress(payloads["new"]) == plain
    said = {name: message.properties.json() if message.properties else {} for name, message in got.items()}
    assert said == {
        "plain": {"ContentType": "application/senml+json", "PayloadFormatIndicator": 1},
        "old": {},
        "new": {
            "ContentType": "application/senml+json",
            "PayloadFormatIndicator": 0,
            "UserProperty": [("content-encoding", "gzip")],
        },
    }


async def test_the_brokers_longest_packet_is_kept(bench: Bench, tmp_path: Path) -> None:
    node = Node()
    for _ in range(6):
        await bench.heard(node.report(count=10))
    async with (
        Strict(tmp_path) as broker,
        connected(broker.port, "lyhord/#") as subscriber,
        publishing(bench, broker.port, protocol="5", encoding=Encoding(properties=True)),
    ):
        await until(lambda: bench.reader.cursor("city") == 60, "all are delivered")
        got: list[tuple[int, int]] = []
        async with asyncio.timeout(DEADLINE_S):
            while len(got) < 60:
                message = await anext(subscriber.messages)
                assert isinstance(message.payload, bytes)
                got += senml_resolver.readings(json.loads(message.payload))
    assert sorted(got) == [(NODE, seq) for seq in range(60)]
    counters = bench.metrics.counters
    assert not counters["platform.city.connections_lost"] and not counters["platform.city.messages_refused"]


async def test_a_reading_that_is_longer_than_the_longest_packet_is_skipped_and_told(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    node = Node()
    await bench.heard(node.report(count=4))
    long = dict.fromkeys([*ALL, *range(40, 60)], 1)
    await bench.heard(node.frame(encode_report(Report(4, 1767229200, 0, {q: [v] for q, v in long.items()}))))
    node.seq = 5
    await bench.heard(node.report(count=4))
    async with Strict(tmp_path) as broker, publishing(bench, broker.port, protocol="5"):
        await until(lambda: bench.reader.cursor("city") == 9, "all others are delivered")
    assert bench.metrics.counters["platform.city.readings_skipped"] == 1
    assert "sample 4 of node 000a01 skipped" in caplog.text
    assert "Packet too large (0x95)" in caplog.text
    assert not bench.metrics.counters["platform.city.connections_lost"], "it was not even sent"


async def test_the_last_will_is_spoken_when_no_new_connection_comes_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_SESSION_S", 1)
    async with Mosquitto(tmp_path) as broker, connected(broker.port, "health/#") as subscriber:
        endpoint = Endpoint(url=MqttUrl("127.0.0.1", broker.port, False))

        def make(name: str) -> PlatformClient:
            will = aiomqtt.Will(f"health/{name}", b"gone", qos=1, retain=True)
            return client.make_platform_client(endpoint, name, "5", will)

        loop = asyncio.get_running_loop()
        late: list[str] = []
        while True:
            name = f"comes back {len(late)}"
            await cut_off(make(name))
            start_s = loop.time()
            async with make(name):
                took_s = loop.time() - start_s
            if took_s < 0.5:
                break
            late.append(f"health/{name}")  # on a busy machine; that will may have been spoken, and rightly
        await cut_off(make("stays away"))
        while (topic := str((await next_message(subscriber)).topic)) in late:
            pass
        assert topic == "health/stays away"


async def cut_off(lost: PlatformClient) -> None:
    """A connection that ends without a DISCONNECT."""
    with pytest.raises(aiomqtt.MqttError):
        async with lost:
            assert lost._socket is not None
            lost._socket._socket.shutdown(socket.SHUT_RDWR)
            await watch(lost)
