"""A platform that is slow, stands still or cannot be found: the others go on, and it gets everything."""

import asyncio
import contextlib
import gc
import json
import logging
import signal
import socket
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.mqtt_url import MqttUrl
from lyhord_gateway.publish.client import make_platform_client
from lyhord_gateway.publish.shape import Bounds
from lyhord_gateway.support.interpreter import waiting_threads
from tests.fakes.silent_broker import SilentBroker
from tests.gateway import senml_resolver
from tests.gateway.bench import Bench
from tests.gateway.parts import DEADLINE_S, NODE, Mosquitto, Node, connected, next_message, until
from tests.gateway.publishing import publishing, sent


async def test_a_slow_platform_holds_back_nobody_but_itself(bench: Bench) -> None:
    """One acknowledgement at a time, and none before the other platform has everything."""
    node = Node()
    small = Bounds(count=5, size=10_000, wait_ms=0, window=4)
    async with (
        SilentBroker() as slow,
        SilentBroker(acknowledging=True) as fast,
        publishing(bench, slow.port, "slow", bounds=small),
        publishing(bench, fast.port, "fast", bounds=small),
    ):
        for _ in range(30):
            await bench.heard(node.report(count=4))
        await until(lambda: bench.reader.cursor("fast") == 120, "the fast one has everything")
        assert sorted(sent(fast)) == [(NODE, seq) for seq in range(120)]
        await until(lambda: slow.owed == 4, "its window is full")
        assert bench.reader.cursor("slow") == 0
        while bench.reader.cursor("slow") < 120:
            await until(lambda: slow.owed or bench.reader.cursor("slow") == 120, "the next message")
            if slow.owed:
                slow.acknowledge_one()
        assert (slow.connections, slow.under_way_max) == (1, 4), "slow is not lost"
    assert sorted(sent(slow)) == [(NODE, seq) for seq in range(120)]


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_what_is_told_beside_the_readings_waits_for_a_slow_platform(protocol: str) -> None:
    """Health, and answers to requests: they cost no connection, neither slow nor refused."""
    async with SilentBroker(reason=lambda _: 0x87) as broker:
        where = Endpoint(url=MqttUrl("127.0.0.1", broker.port, False))
        async with make_platform_client(where, "gateway", protocol, None) as client:
            client.timeout = 0.01
            telling = asyncio.create_task(client.publish("health", b"{}", qos=1, retain=True))
            await until(lambda: broker.owed or telling.done(), "it is sent")
            await asyncio.wait([telling], timeout=0.1)
            assert not telling.done()
            broker.acknowledge_all()
            client.timeout = DEADLINE_S
            async with asyncio.timeout(DEADLINE_S):
                await telling


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_a_broker_that_stands_still_and_goes_on(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture, protocol: str
) -> None:
    """SIGSTOP: the kernel still takes connections and bytes for it, nobody answers."""
    node = Node()
    got: dict[tuple[int, int], dict] = {}
    async with (
        Mosquitto(tmp_path) as broker,
        connected(broker.port, "lyhord/#") as subscriber,
        publishing(bench, broker.port, silence_s=0.3, protocol=protocol) as publisher,
    ):
        await bench.heard(node.report(count=4))
        await until(lambda: bench.reader.cursor("city") == 4, "the first are delivered")
        broker.signal(signal.SIGSTOP)
        try:
            for _ in range(5):
                await bench.heard(node.report(count=4))
            await until(lambda: bench.metrics.states["platform.city"] == "down", "its silence is noticed")
            assert "platform city: lost (no PUBACK for" in caplog.text
            await bench.heard(node.report(count=4))
            await bench.settled()
            assert publisher.position() == (24, 4), "everything since waits"
        finally:
            broker.signal(signal.SIGCONT)
        await until(lambda: bench.reader.cursor("city") == 28, "the rest is delivered")
        await until(lambda: bench.metrics.states["platform.city"] == "up", "and it is up again")
        while len(got) < 28:
            message = await next_message(subscriber)
            assert isinstance(message.payload, bytes)
            for key, records in senml_resolver.readings(json.loads(message.payload)).items():
                assert got.setdefault(key, records) == records, "sent twice, but not the same"
    assert set(got) == {(NODE, seq) for seq in range(28)}


async def test_a_platform_whose_name_is_not_found_comes_back_with_it(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []
    known = False

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        if host != "platform.example.net":
            return real(host, *arguments, **options)
        asked.append(known)
        if not known:
            raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
        return real("127.0.0.1", *arguments, **options)

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    await bench.heard(Node().report(count=3))
    async with SilentBroker(acknowledging=True) as broker:
        where = Endpoint(url=MqttUrl("platform.example.net", broker.port, False))
        make = partial(make_platform_client, where, "gateway", "3.1.1", None)
        with caplog.at_level(logging.WARNING):
            async with publishing(bench, broker.port, connect=make):
                await until(lambda: len(asked) >= 4, "it is tried again and again")
                assert bench.metrics.states["platform.city"] == "down"
                assert "name resolution" in bench.metrics.why["platform.city"]
                known = True
                await until(lambda: bench.reader.cursor("city") == 3, "delivered when the name is back")
                assert bench.metrics.states["platform.city"] == "up"
    assert len(caplog.messages) == 1 and "name resolution" in caplog.messages[0], caplog.messages


async def test_platforms_that_hang_while_connecting_hold_back_no_other(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    over = threading.Event()

    def look_up(host: str, *arguments: Any, **options: Any) -> Any:
        if not host.endswith(".example.net"):
            return real(host, *arguments, **options)
        asked.append(host)
        over.wait()
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    names = [f"platform-{number}.example.net" for number in range(40)]
    asyncio.get_running_loop().set_default_executor(waiting_threads(len(names) + 1, radios=0))
    await bench.heard(Node().report())
    async with SilentBroker(acknowledging=True) as broker, contextlib.AsyncExitStack() as hanging:
        hanging.callback(over.set)
        for name in names:
            where = Endpoint(url=MqttUrl(name, broker.port, False))
            make = partial(make_platform_client, where, "gateway", "3.1.1", None)
            await hanging.enter_async_context(publishing(bench, broker.port, name, connect=make))
        await until(lambda: len(asked) == len(names), "all of them hang")
        async with publishing(bench, broker.port):
            await until(lambda: bench.reader.cursor("city") == 1, "and one does not")


@pytest.mark.parametrize(
    ("protocol", "reason", "expected"),
    [
        ("3.1.1", None, "the broker hung up without a word"),
        ("5", None, "the broker hung up without a word"),
        ("5", 0x8E, "the broker hung up: Session taken over (0x8e)"),
    ],
)
async def test_a_broker_that_hangs_up_is_told_in_its_words(
    bench: Bench, caplog: pytest.LogCaptureFixture, protocol: str, reason: int | None, expected: str
) -> None:
    async with SilentBroker() as broker, publishing(bench, broker.port, protocol=protocol):
        await until(lambda: bench.metrics.states.get("platform.city") == "up", "connected")
        broker.hang_up(reason)
        await until(lambda: f"platform city: lost ({expected})" in caplog.text, "it is said")


@pytest.mark.parametrize(
    ("protocol", "connack", "expected"),
    [
        ("3.1.1", b"\x20\x02\x00\x00", "what the broker says is no MQTT"),
        ("5", b"\x20\x03\x00\x00\x00", "the broker hung up: Server busy (0x89)"),
    ],
)
async def test_a_broker_that_hangs_up_in_the_same_breath_is_not_up(
    bench: Bench, protocol: str, connack: bytes, expected: str
) -> None:
    """CONNACK and DISCONNECT, which 3.1.1 does not have, arrive together; nothing waits to be sent."""

    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(connack + b"\xe0\x01\x89")
        writer.close()

    wrong: list[str] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: wrong.append(context["message"]))
    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    async with server, publishing(bench, server.sockets[0].getsockname()[1], protocol=protocol):
        await until(lambda: bench.metrics.counters["platform.city.connections_lost"] >= 20, "again and again")
    gc.collect()
    assert bench.metrics.why["platform.city"] == expected
    assert "Future exception was never retrieved" not in wrong


async def test_a_broker_that_stands_still_when_nothing_is_sent(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lyhord_gateway.mqtt.client.KEEPALIVE_S", 1)
    async with Mosquitto(tmp_path) as broker, publishing(bench, broker.port):
        await until(lambda: bench.metrics.states.get("platform.city") == "up", "connected")
        broker.signal(signal.SIGSTOP)
        # The next connection is taken, by the kernel, and not answered for ten seconds.
        await until(lambda: bench.metrics.why["platform.city"] == "no answer to a ping", "it is said")
