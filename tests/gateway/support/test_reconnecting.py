"""The one rule for connecting again: pauses grow until a connection has lasted, or delivered for a while."""

import random
import time
from pathlib import Path

import pytest

from lyhord_gateway.mqtt.client import make_client
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.mqtt_url import MqttUrl
from lyhord_gateway.sources.mqtt import MqttSource
from lyhord_gateway.support import backoff as rule
from lyhord_gateway.support.backoff import Backoff
from tests.fakes.silent_broker import SilentBroker
from tests.gateway.bench import Bench
from tests.gateway.parts import Mosquitto, Node, connected, meanwhile, until
from tests.gateway.publishing import publishing


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def ceiling(backoff: Backoff) -> float:
    return min(backoff._cap_s, backoff._base_s * 2.0**backoff._attempt)


@pytest.mark.parametrize(
    ("lasted_s", "delivered", "good"),
    [
        (0.05, False, False),
        (0.05, True, False),
        (rule.DELIVERED_S, True, True),
        (rule.DELIVERED_S, False, False),
        (rule.LASTED_S, False, True),
    ],
)
def test_a_connection_counts_as_good_when_it_has_lasted_or_delivered(
    lasted_s: float, delivered: bool, good: bool
) -> None:
    clock = Clock()
    backoff = Backoff(0.25, 30.0, random.Random(1), clock)
    for _ in range(10):
        backoff.next_s()
    backoff.opened()
    if delivered:
        backoff.delivered()
    clock.now_s += lasted_s
    assert backoff.good is good
    backoff.next_s()
    assert (ceiling(backoff) < 1) is good


def simulated(lasts_s: float, seconds: float, seed: int) -> int:
    """Connections in so many seconds to a peer that always accepts, delivers, and hangs up after lasts_s."""
    clock, connections = Clock(), 0
    backoff = Backoff(0.5, 30.0, random.Random(seed), clock)
    while clock.now_s < seconds:
        connections += 1
        backoff.opened()
        backoff.delivered()
        clock.now_s += lasts_s
        clock.now_s += backoff.next_s()
    return connections


def test_a_peer_that_accepts_and_hangs_up_is_met_less_and_less_often() -> None:
    counts = [simulated(0.05, 30.0, seed) for seed in range(200)]
    assert sum(counts) / len(counts) < 9
    hours = [simulated(0.05, 3600.0, seed) for seed in range(20)]
    assert max(hours) < 350


async def test_a_platform_that_hangs_up_after_its_connack_is_not_hammered_and_not_up(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """With the pauses of a real gateway; what it would have done before takes five seconds."""
    async with (
        SilentBroker(ack_timeout_s=0.05) as broker,
        publishing(bench, broker.port, protocol="5", backoff=Backoff(0.5, rng=random.Random(1))) as publisher,
    ):
        start_s = time.monotonic()
        await until(lambda: publisher._backoff.unsteady, "its connections do not last")
        await until(lambda: broker.connections >= 5, "another one")
        assert bench.metrics.states["platform.city"] == "down", "accepting alone is not up"
        took_s = time.monotonic() - start_s
    assert took_s > 1.0, "five connections took milliseconds before"
    assert "lost (the broker hung up without a word)" in caplog.text
    assert len(caplog.messages) < 10


async def test_an_unsteady_platform_is_up_again_when_a_connection_has_lasted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rule, "LASTED_S", 0.5)
    async with (
        SilentBroker(ack_timeout_s=0.01) as broker,
        publishing(bench, broker.port, protocol="5") as publisher,
    ):
        await until(lambda: publisher._backoff.unsteady, "its connections do not last")
        broker.ack_timeout_s = None
        await until(lambda: bench.metrics.states["platform.city"] == "up", "up without any reading")


async def test_two_gateways_with_one_name_leave_each_other_time_and_say_why(
    bench: Bench, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.heard(Node().report(count=3))
    async with (
        Mosquitto(tmp_path) as broker,
        publishing(bench, broker.port, protocol="5", backoff=Backoff(0.5, rng=random.Random(1))),
        publishing(bench, broker.port, protocol="5", backoff=Backoff(0.5, rng=random.Random(2))),
    ):
        lost = "platform.city.connections_lost"
        start_s = time.monotonic()
        await until(lambda: bench.metrics.counters[lost] >= 8, "they take the connection from each other")
        took_s = time.monotonic() - start_s
        assert took_s > 1.5, "eight losses took a second before"
        assert "another client has this gateway's name" in bench.metrics.notes["platform.city.name"]
        assert bench.metrics.states["platform.city"] in ("down", "up")
    assert "the broker hung up" in caplog.text


async def test_the_node_broker_too_is_not_hammered(bench: Bench, tmp_path: Path) -> None:
    """Somebody takes the gateway's client identifier, again and again."""
    async with Mosquitto(tmp_path) as broker:
        endpoint = Endpoint(url=MqttUrl("127.0.0.1", broker.port, False))

        def connect(**options):  # type: ignore[no-untyped-def]
            return make_client(endpoint, "known", clean_session=True, **options)

        source = MqttSource(connect, bench.around())
        taken = 0
        async with meanwhile(source.run()):
            while taken < 5:
                lost = bench.metrics.counters["mqtt.connections_lost"]
                await until(lambda: source._backoff._opened_mono_s is not None, "connected")
                async with make_client(endpoint, "known", clean_session=True):
                    taken += 1
                    await until(
                        lambda lost=lost: bench.metrics.counters["mqtt.connections_lost"] > lost, "taken"
                    )
            assert ceiling(source._backoff) >= 4, "it waits longer each time"
            assert bench.metrics.states["mqtt"] == "down"
            assert bench.metrics.why["mqtt"]
        async with connected(broker.port):
            pass
