"""ThingsBoard's requests for nodes: documented shapes in and out, orders in the queue, nothing believed."""

import asyncio
import contextlib
import json
from pathlib import Path

import aiomqtt
import pytest

from lyhord_gateway.fleet.order_entry import OrderEntry
from lyhord_gateway.fleet.reach import Reach, Receiver
from lyhord_gateway.fleet.remote import Remote, order_of
from lyhord_gateway.model.orders import OrderRefused
from lyhord_gateway.profiles.thingsboard import ThingsBoardProfile
from lyhord_gateway.store.downlinks.queue import QUEUE_MAX
from lyhord_gateway.support.metrics import Metrics
from lyhord_wire.instructions import COMMAND, SETTINGS
from tests.fakes.silent_broker import SilentBroker
from tests.gateway.bench import Bench
from tests.gateway.parts import DEADLINE_S, GatewayProcess, Mosquitto, Node, connected, next_message, until
from tests.gateway.publishing import publishing

RPC = "v1/gateway/rpc"


def ask(method: str, params: object = None, number: int = 1, device: str = "lyhord-000a01") -> str:
    """As https://thingsboard.io/docs/reference/gateway-api/rpc/ has it."""
    return json.dumps({"device": device, "data": {"id": number, "method": method, "params": params}})


class Client:
    """The part of an MQTT client that is used: `answers` are what was published."""

    def __init__(self) -> None:
        self.answers: list[dict] = []

    async def publish(self, topic: str, payload: bytes, qos: int) -> None:
        assert (topic, qos) == (RPC, 1)
        self.answers.append(json.loads(payload))


class Counter:
    """The desk on a bench, with one platform's remote."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.metrics = Metrics()
        self.order_entry = OrderEntry(bench.store.submit)
        self.remote = Remote("city", ThingsBoardProfile(), self.order_entry.queue, self.metrics)
        self.client = Client()

    async def say(self, payload: str | bytes) -> list[dict]:
        """The answers to one message."""
        self.client.answers.clear()
        data = payload.encode() if isinstance(payload, str) else payload
        await self.remote._take(self.client, data)  # type: ignore[arg-type]
        return list(self.client.answers)

    def refused(self) -> dict[str, int]:
        prefix = "platform.city.rpc.refused."
        return {
            name.removeprefix(prefix): n
            for name, n in self.metrics.counters.items()
            if name.startswith(prefix)
        }


async def test_a_platform_cannot_silence_a_node(bench: Bench, counter: Counter) -> None:
    await bench.heard(Node().report(), source="roof", rssi=-90)
    counter.remote._queue = OrderEntry(
        bench.store.submit, Reach([Receiver("roof", 868_100_000, 9)]).refuse
    ).queue
    for settings in ({"link": 2}, {"spreading_factor": 12}, {"full_alarm": 80, "channels": 2}):
        (answer,) = await counter.say(ask("setSettings", settings))
        assert answer["data"]["success"] is False
    assert counter.refused() == {"unheard": 3}
    assert bench.reader.orders(Node().id) == []
    (answer,) = await counter.say(ask("setSettings", {"channels": 1, "full_alarm": 80}))
    assert answer["data"]["success"] is True


@pytest.fixture
async def counter(bench: Bench) -> Counter:
    return Counter(bench)


async def test_each_method_becomes_an_order_and_is_answered(bench: Bench, counter: Counter) -> None:
    calls = [
        ("setSettings", {"full_alarm": 80, "ack_every": 2}, "full_alarm=80 ack_every=2"),
        ("restart", None, "restart"),
        ("reportNow", {}, "report_now"),
        ("sendAbout", "", "send_about"),
        ("blink", 5, "blink 5"),
        ("blink", {"count": 7}, "blink 7"),
        ("blink", None, "blink"),
        ("stopAlarms", None, "stop_alarms"),
    ]
    for number, (method, params, _) in enumerate(calls, start=1):
        version = {"settings_version": 1} if method == "setSettings" else {}
        assert await counter.say(ask(method, params, 40 + number)) == [
            {
                "device": "lyhord-000a01",
                "id": 40 + number,
                "data": {"success": True, "order": number, **version},
            }
        ]
    orders = bench.reader.orders()
    assert [entry.order.text() for entry in orders] == [text for _, _, text in calls]
    assert {entry.origin for entry in orders} == {"city"}
    assert counter.metrics.counters["platform.city.rpc.accepted"] == len(calls)
    assert counter.refused() == {}


async def test_what_cannot_be_done_is_answered_with_the_reason(bench: Bench, counter: Counter) -> None:
    cases = [
        (ask("setSettings", {"full_alarm": 101}), "full_alarm: expected 1…100 (%)", "invalid"),
        (ask("setSettings", {"full_alarm": 80.5}), "setSettings: expected settings with whole", "invalid"),
        (ask("setSettings", {"full_alarm": True}), "setSettings: expected settings with whole", "invalid"),
        (ask("setSettings", [1]), "setSettings: expected settings with whole numbers", "invalid"),
        (ask("setSettings", {}), "settings: expected one at least", "invalid"),
        (ask("setSettings", {"full_alarm": 80, "nice": 1}), "nice: expected one of sample_period", "invalid"),
        (ask("blink", {"times": 5}), "blink: expected no parameters, or a count", "invalid"),
        (ask("blink", 10**30), "blink: expected one argument at most, 1…100", "invalid"),
        (ask("restart", 1), "restart: expected no argument", "invalid"),
        (ask("explode"), "explode: expected one of setSettings, restart", "method"),
        (ask("blink", device="lyhord-00beef"), "00beef: expected a node of the registry", "unknown_node"),
        (ask("blink", device="lyhord-000A01"), "device: expected one of this gateway's", "unknown_node"),
        (ask("blink", device="Pump 7"), "device: expected one of this gateway's", "unknown_node"),
    ]
    for payload, says, reason in cases:
        before = counter.refused().get(reason, 0)
        (answer,) = await counter.say(payload)
        assert answer["id"] == 1
        assert answer["device"] == json.loads(payload)["device"]
        assert answer["data"]["success"] is False
        assert answer["data"]["error"].startswith(says), answer
        assert counter.refused()[reason] == before + 1
    for _ in range(QUEUE_MAX):
        await counter.say(ask("blink"))
    (answer,) = await counter.say(ask("blink"))
    assert "16 orders wait" in answer["data"]["error"]
    assert len(bench.reader.orders()) == QUEUE_MAX


async def test_what_is_no_request_is_counted_and_never_answered(bench: Bench, counter: Counter) -> None:
    answer = {"device": "lyhord-000a01", "id": 1, "data": {"success": True}}
    assert await counter.say(json.dumps(answer)) == [], "our own answer comes back from a plain broker"
    assert counter.refused() == {}
    junk: list[str | bytes] = [
        b"",
        b"\xff\xfe",
        ask("restart").encode().replace(b"lyhord", b"lyh\xf6rd"),
        "[]",
        "{",
        "[" * 10_000,
        '{"device": "lyhord-000a01"}',
        '{"device": "lyhord-000a01", "data": {"method": "restart"}}',
        '{"device": "lyhord-000a01", "data": {"id": "x", "method": "restart"}}',
        '{"device": 1, "data": {"id": 1, "method": "restart"}}',
        ask("blink", device="x" * 300),
        ask("blink", "x" * 20_000),
    ]
    for payload in junk:
        assert await counter.say(payload) == []
    assert counter.refused() == {"shape": len(junk) - 1, "too_long": 1}
    assert bench.reader.orders() == []


def test_another_name_for_devices() -> None:
    profile = ThingsBoardProfile("Bin {node} (east)")
    request = profile.request(ask("blink", device="Bin 000a01 (east)").encode())
    assert request is not None
    assert request.node == 0xA01
    assert profile.request(ask("blink", device="Bin 000a01 (west)").encode()).node is None  # type: ignore[union-attr]


def test_a_setting_by_a_name_of_a_kilobyte_is_one_short_line() -> None:
    with pytest.raises(OrderRefused) as refused:
        order_of("setSettings", {"x" * 1000: 1})
    assert len(str(refused.value)) < 400


async def test_from_the_platform_to_the_node_and_the_answer_back(tmp_path: Path) -> None:
    node = Node()
    async with (
        Mosquitto(tmp_path) as city,
        connected(city.port, RPC) as board,
        GatewayProcess(tmp_path, city.port, profile="thingsboard") as gateway,
    ):
        await gateway.add(node)
        await until(lambda: gateway.status()["states"].get("platform.city") == "up", "it is connected")
        answer = await answered(board, ask("setSettings", {"full_alarm": 80}, 7))
        assert (answer["device"], answer["id"]) == ("lyhord-000a01", 7)
        assert answer["data"]["success"] is True
        assert answer["data"]["settings_version"] >= 1
        assert (await answered(board, ask("blink", 5, 8)))["data"]["success"] is True
        assert (await answered(board, ask("blink", 500, 9)))["data"]["success"] is False
        async with connected(gateway.port, node.down) as client:
            await client.publish(node.up, node.report(ack=True), qos=1)
            told = node.open(bytes((await next_message(client)).payload))
            assert (told[SETTINGS], told[COMMAND]) == ({3: 80}, [4, 5])
        counters = gateway.status
        await until(
            lambda: counters()["counters"].get("platform.city.rpc.refused.invalid", 0) >= 1, "it is counted"
        )
        assert "platform.city.rpc.refused.shape" not in counters()["counters"]


async def answered(board: aiomqtt.Client, payload: str) -> dict:
    """Asks until somebody has subscribed; the answer is what has an id at the top."""
    wanted = json.loads(payload)["data"]["id"]
    async with asyncio.timeout(DEADLINE_S):
        while True:
            await board.publish(RPC, payload, qos=1)
            with contextlib.suppress(TimeoutError):
                while True:
                    message = await next_message(board, 3.0)
                    found = json.loads(bytes(message.payload))
                    if found.get("id") == wanted:
                        return found


@pytest.mark.parametrize(("protocol", "reason"), [("3.1.1", "0x80"), ("5", "Not authorized (0x87)")])
async def test_a_platform_that_lets_us_hear_no_requests_gets_its_readings(
    bench: Bench, caplog: pytest.LogCaptureFixture, protocol: str, reason: str
) -> None:
    profile = ThingsBoardProfile()
    order_entry = OrderEntry(bench.store.submit)
    remote = Remote("city", profile, order_entry.queue, bench.metrics)
    await bench.heard(Node().report())
    async with (
        SilentBroker(acknowledging=True) as broker,
        publishing(bench, broker.port, profile=profile, protocol=protocol, listen=remote.serve),
    ):
        await until(lambda: bench.reader.cursor("city") == 1, "it is delivered")
        await until(lambda: "platform city: no requests are taken" in caplog.text, "it is told")
        assert reason in caplog.text and bench.metrics.states["platform.city"] == "up"
    assert broker.connections == 1


async def test_a_platform_that_may_only_read(tmp_path: Path) -> None:
    """commands = false: nobody listens there."""
    async with (
        Mosquitto(tmp_path) as city,
        connected(city.port, RPC) as board,
        GatewayProcess(tmp_path, city.port, "commands = false\n", "thingsboard") as gateway,
    ):
        node = Node()
        await gateway.add(node)
        async with connected(gateway.port) as client, connected(city.port, "v1/gateway/telemetry") as own:
            await client.publish(node.up, node.report(), qos=1)
            await next_message(own)  # the connection is there, and what it subscribes to is
        await board.publish(RPC, ask("blink"), qos=1)
        await next_message(board)
        async with connected(gateway.port) as client, connected(city.port, "v1/gateway/telemetry") as own:
            await client.publish(node.up, node.report(), qos=1)
            await next_message(own)
        assert json.loads(await gateway.cli("queue", "--json")) == []
