"""Terms that a platform refuses in a CONNECT are given up, said in log and health; the readings go on."""

import json
from pathlib import Path

import aiomqtt
import pytest

from lyhord_gateway.config.tree import load
from lyhord_gateway.operation.health import Facts, Health, Limits, Report
from lyhord_gateway.operation.status_publisher import StatusPublisher
from lyhord_gateway.publish.terms import Terms
from tests.fakes.silent_broker import SilentBroker
from tests.gateway.bench import Bench
from tests.gateway.parts import Mosquitto, Node, connected, next_message, until
from tests.gateway.publishing import publishing, sent

WILL = aiomqtt.Will("health", b"gone", 1, True)


def notes(bench: Bench) -> str:
    """The notes that health gives though nothing is down."""
    health = Health(Limits(10**6, 10**6, 10**9, 0), bench.metrics, lambda _: Facts(0.0))
    return "\n".join(health.report().notes)


def status_publisher() -> StatusPublisher:
    return StatusPublisher("health", "gw", "1.0", lambda: Report((), (), (), Facts(0.0)))


def restricted(folder: Path, access: str) -> Mosquitto:
    """Debian's broker with an access list for everybody."""
    broker = Mosquitto(folder)
    (folder / "access").write_text(access)
    with broker._config.open("a") as config:
        config.write(f"acl_file {folder / 'access'}\n")
    return broker


def test_mqtt_5_is_what_a_platform_is_spoken_to_in(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(
        '[gateway]\nnumber = 1\n[[platform]]\nname = "city"\nurl = "mqtt://localhost"\nprofile = "senml"\n'
    )
    assert load(path).platforms[0][0].protocol == "5"


async def test_what_an_access_list_forbids_is_not_delivered_and_said(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.heard(Node().report(count=3))
    async with (
        restricted(tmp_path, "topic read lyhord/#\ntopic write other/#\n") as broker,
        publishing(bench, broker.port, terms=Terms()),
    ):
        await until(lambda: bench.metrics.states.get("platform.city") == "refusing", "it is told")
        assert bench.reader.cursor("city") == 0
        assert "Not authorized" in bench.metrics.why["platform.city"]
    assert "refuses (the platform refuses a message: Not authorized (0x87))" in caplog.text


@pytest.mark.parametrize(
    "older",
    [b"\x20\x02\x00\x01", b"\x20\x02\x00\x00", b"", b"\x20\x03\x00\x84\x00"],
    ids=["code", "odd", "silence", "five"],
)
async def test_a_platform_that_knows_the_older_version_only_is_spoken_to_in_that_and_health_says_so(
    bench: Bench, older: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.heard(Node().report(count=3))
    terms = Terms()
    async with (
        SilentBroker(acknowledging=True, older=older) as broker,
        publishing(bench, broker.port, terms=terms),
    ):
        await until(lambda: bench.reader.cursor("city") == 3, "delivered")
        await until(lambda: "city knows MQTT 3.1.1 only" in notes(bench), "health says so")
        assert "platform city: it knows MQTT 3.1.1 only" in caplog.text
        broker.older = None
        broker.drop_all()
        await until(lambda: broker.versions[-1] == 5, "the next connection begins with 5 again")
        await until(lambda: "3.1.1" not in notes(bench), "and it is said no more")


async def test_the_older_version_by_configuration_is_said_too(bench: Bench) -> None:
    async with SilentBroker() as broker, publishing(bench, broker.port, terms=Terms("3.1.1")):
        await until(lambda: "city is spoken to in MQTT 3.1.1" in notes(bench), "health says so")
        assert broker.versions == [4]


async def test_a_platform_without_retained_messages_gets_readings_and_health(bench: Bench) -> None:
    """It refuses a last will that is retained (0x9A), and whoever retains is hung up on."""
    await bench.heard(Node().report(count=3))
    async with (
        SilentBroker(
            acknowledging=True, keeps=False, connack=lambda flags: 0x9A if flags & 0x20 else 0
        ) as broker,
        publishing(bench, broker.port, terms=Terms("5", WILL), status_publisher=status_publisher()),
    ):
        await until(lambda: bench.reader.cursor("city") == 3, "delivered")
        await until(lambda: any(topic == "health" for topic, _ in broker.published), "health is told")
        assert broker.connections == 2, "one refused, and one without retain"
        assert broker.flags[-1] & 0x24 == 0x04, "the last will is there, not retained"
        assert "keeps no retained messages" in notes(bench)


@pytest.mark.parametrize("reason", [0x9A, 0x9B, 0x87, 0x90, 0x95])
async def test_a_platform_that_refuses_the_last_will_gets_the_readings(bench: Bench, reason: int) -> None:
    await bench.heard(Node().report(count=3))
    async with (
        SilentBroker(acknowledging=True, connack=lambda flags: reason if flags & 0x04 else 0) as broker,
        publishing(bench, broker.port, terms=Terms("5", WILL), status_publisher=status_publisher()),
    ):
        await until(lambda: bench.reader.cursor("city") == 3, "delivered")
        assert broker.connections <= 3
        assert "takes no last will" in notes(bench)


async def test_a_refusal_that_was_not_about_the_will_leaves_it(bench: Bench) -> None:
    await bench.heard(Node().report(count=3))
    async with (
        SilentBroker(acknowledging=True, connack=lambda _: 0x87) as broker,
        publishing(bench, broker.port, terms=Terms("5", WILL)),
    ):
        await until(lambda: broker.connections >= 3, "it is tried again and again")
        broker.connack = lambda flags: 0 if flags & 0x04 else 0x87
        await until(lambda: bench.reader.cursor("city") == 3, "delivered by a connection with a will")
        assert "last will" not in notes(bench)


async def test_a_platform_that_could_acknowledge_nothing_is_sent_nothing(bench: Bench) -> None:
    await bench.heard(Node().report(count=3))
    async with SilentBroker(qos_max=0) as broker, publishing(bench, broker.port, terms=Terms()):
        await until(lambda: bench.metrics.counters["platform.city.connections_lost"] >= 3, "again and again")
        assert broker.published == []
        assert "takes QoS 0 only" in bench.metrics.why["platform.city"]
        broker.qos_max, broker.acknowledging = 2, True
        await until(lambda: bench.reader.cursor("city") == 3, "delivered when it can")


@pytest.mark.parametrize("protocol", ["3.1.1", "5"])
async def test_a_platform_that_hangs_up_on_the_health_topic_gets_the_readings(
    bench: Bench, protocol: str
) -> None:
    await bench.heard(Node().report(count=3))
    async with (
        SilentBroker(acknowledging=True, forbidden=lambda topic: topic == "health") as broker,
        publishing(bench, broker.port, terms=Terms(protocol, WILL), status_publisher=status_publisher()),
    ):
        await until(lambda: "hangs up on what tells how the gateway is" in notes(bench), "it is found out")
        await until(lambda: bench.reader.cursor("city") == 3, "delivered")
        assert len(set(sent(broker))) == 3
        assert bench.metrics.counters["platform.city.readings_skipped"] == 0


async def test_a_platform_that_refuses_the_health_message_is_said_to(bench: Bench, tmp_path: Path) -> None:
    """By the real broker's access list, for the health topic only."""
    await bench.heard(Node().report(count=3))
    async with (
        restricted(tmp_path, "topic readwrite lyhord/#\n") as broker,
        connected(broker.port, "lyhord/#") as subscriber,
        publishing(bench, broker.port, terms=Terms("5", WILL), status_publisher=status_publisher()),
    ):
        await until(lambda: bench.reader.cursor("city") == 3, "delivered")
        message = await next_message(subscriber)
        assert isinstance(message.payload, bytes) and json.loads(message.payload)
        await until(lambda: "does not take how the gateway is: Not authorized" in notes(bench), "it is said")
        assert bench.metrics.states["platform.city"] == "up"
