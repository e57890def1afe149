"""A hostile peer between a WiFi node and its broker: the node measures on, and says why."""

import pytest

from lyhord_rig import AccessPoint
from tests.fakes import evil_broker as evil
from tests.fakes.evil_broker import CONNECT, PUBLISH, SUBSCRIBE, EvilBroker, message, packet
from tests.fakes.mqtt_gateway import IndoorGateway
from tests.node.bin_node import KEY, BinNode
from tests.node.test_wifi_on_a_board import PASSWORD, WIFI
from tests.sweep import beyond

A_WHILE = 900
DOWN = "lyhord/v1/000a01/down"


def honest(line, kind, body):
    line.answer(kind, body)


def no_puback(line, kind, body):
    if kind != PUBLISH:
        line.answer(kind, body)


def strays_instead_of_puback(line, kind, body):
    no_puback(line, kind, body)
    if kind == PUBLISH:
        line.repeat(message("some/where/else", b"stray"), 3)


def wrong_pubacks(line, kind, body):
    no_puback(line, kind, body)
    if kind == PUBLISH:
        line.repeat(packet(0x40, b"\x7f\x7f"), 0.2)


def publishes_instead_of_suback(line, kind, body):
    if kind == CONNECT:
        line.answer(kind, body)
    if kind == SUBSCRIBE:
        line.repeat(message(DOWN, bytes(100)), 0.1)


def flood_before_puback(line, kind, body):
    if kind == PUBLISH:
        for _ in range(200):
            line.say(message(DOWN, bytes(1000)))
    line.answer(kind, body)


def endless_flood(line, kind, body):
    line.answer(kind, body)
    if kind == SUBSCRIBE:
        line.repeat(message(DOWN, bytes(200)) * 5, 0.05)


def slow_connack(line, kind, body):
    if kind == CONNECT:
        line.dribble(packet(0x20, b"\0\0"), 9)


def slow_after_connack(line, kind, body):
    if kind == CONNECT:
        line.answer(kind, body)
    else:
        line.dribble(message(DOWN, bytes(200)), 1)


def slow_message_after_puback(line, kind, body):
    line.answer(kind, body)
    if kind == PUBLISH:
        line.dribble(message(DOWN, bytes(200)), 1)


def length_without_end(line, kind, body):
    line.answer(kind, body)
    if kind == SUBSCRIBE:
        line.say(b"\x30" + b"\xff" * 8)


def largest_length(line, kind, body):
    line.answer(kind, body)
    if kind == SUBSCRIBE:
        line.say(b"\x30\xff\xff\xff\x7f")
        line.repeat(bytes(1000), 0.1)


def empty_packets(line, kind, body):
    line.answer(kind, body)
    if kind == SUBSCRIBE:
        line.say(b"\x30\x00\x40\x00\x90\x00")


def topic_longer_than_the_packet(line, kind, body):
    line.answer(kind, body)
    if kind == SUBSCRIBE:
        line.say(b"\x30\x05\xff\xffabc")


def answers_of_another_protocol(line, kind, body):
    line.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def tls_alert(line, kind, body):
    line.say(b"\x15\x03\x03\x00\x02\x02\x46")


def zeros(line, kind, body):
    line.repeat(bytes(1000), 0.1)


def silence(line, kind, body):
    pass


def refused(line, kind, body):
    if kind == CONNECT:
        line.say(packet(0x20, b"\x00\x05"))


def subscription_refused(line, kind, body):
    if kind == SUBSCRIBE:
        line.say(packet(0x90, body[:2] + b"\x80"))
    else:
        line.answer(kind, body)


def hangs_up(line, kind, body):
    if kind == PUBLISH:
        line.hang_up()
    else:
        line.answer(kind, body)


@pytest.fixture
async def node(world, node_image, tmp_path):
    made = BinNode(world, node_image, tmp_path / "node")
    yield made
    print("\n".join(made.printed().splitlines()[-60:]))
    assert made.board.crash_reports == []
    assert "Traceback" not in made.printed() and "MemoryError" not in made.printed()
    assert made.board.events.watchdog_resets == 0
    assert PASSWORD not in made.printed()


def reasons(node):
    return [line for line in node.printed().splitlines() if line.startswith("link down: ")]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (no_puback, "no PUBACK within"),
        (publishes_instead_of_suback, "no SUBACK within"),
        (slow_after_connack, "no SUBACK within"),
        (slow_message_after_puback, "no answer within"),
        (length_without_end, "a length without end"),
        (topic_longer_than_the_packet, "sends no MQTT"),
        (answers_of_another_protocol, "sends no MQTT"),
        (silence, "no CONNACK within"),
        (subscription_refused, "MQTTException 128"),
        (flood_before_puback, None),  # no answer: told, but no link that is down
        (endless_flood, None),
        *beyond(
            (strays_instead_of_puback, "no PUBACK within"),
            (wrong_pubacks, "no PUBACK within"),
            (slow_connack, "no CONNACK within"),
            (largest_length, "no PUBACK within"),
            (empty_packets, "sends no MQTT"),
            (tls_alert, "sends no MQTT"),
            (zeros, "sends no MQTT"),
            (refused, "MQTTException 5"),
            (hangs_up, "OSError"),
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
async def test_whatever_the_broker_does_the_node_measures_and_says_why(world, node, behaviour, reason):
    AccessPoint(world, "town", PASSWORD, {"gateway.lan": EvilBroker(world, behaviour)})
    await node.provision(WIFI)  # a sample every 10 s, a report every 20
    await world.run_for(A_WHILE)
    assert node.samples_taken >= 83  # of 90: a few wait for the link's first, doubtful tries
    if reason is None:
        assert "report: no answer" in node.printed() and not reasons(node)
    else:
        assert reasons(node) and all(reason in line for line in reasons(node)), reasons(node)[:3]
    # It rests more and more.
    assert len(reasons(node)) <= 10


@pytest.mark.parametrize(
    "first", [b"", *beyond(b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\x16\x03\x03\xff\xff", bytes(3000))]
)
async def test_a_port_that_talks_no_tls_is_a_link_that_is_down(world, node, first):
    def on_open(line):
        line.say(first)
        line.dribble(b"\x16\x03\x03\x00\x40" * 50, 1)

    broker = EvilBroker(world, silence, on_open)
    broker.understands = False
    AccessPoint(world, "town", PASSWORD, {"gateway.lan": broker})
    await node.provision(WIFI | {"broker_pin": "ab" * 32})
    await world.run_for(600)
    assert node.samples_taken >= 50 and reasons(node), reasons(node)


async def test_a_name_that_nobody_resolves_and_a_host_that_is_not_there(world, node):
    point = AccessPoint(world, "town", PASSWORD, {})
    await node.provision(WIFI)
    await world.run_for(A_WHILE)
    assert node.samples_taken >= 83 and "link down: broker: OSError -202" in reasons(node)
    point.resolves_after_s = 30  # as lwIP does with three servers that are silent
    node.board.reset()
    before = node.samples_taken
    await world.run_for(A_WHILE)
    assert node.samples_taken - before >= 70


async def test_a_host_that_takes_no_connection_in(world, node):
    class Hole:
        def accept(self, line):
            return None

    AccessPoint(world, "town", PASSWORD, {"gateway.lan": Hole()})
    await node.provision(WIFI)
    await world.run_for(A_WHILE)
    assert node.samples_taken >= 83 and all("broker: OSError" in line for line in reasons(node))


@pytest.fixture
def gateway(world):
    return IndoorGateway(world, KEY)


@pytest.fixture
def broker(world, gateway):
    """An honest broker with a gateway behind it; what a test adds comes in between."""

    def on_packet(line, kind, body):
        made.before(line, kind, body)
        line.answer(kind, body)
        if kind == PUBLISH:
            end = 2 + int.from_bytes(body[:2], "big")
            raw = gateway.answer(gateway.hear(body[end + 2 :]))
            if raw is not None:
                line.later(0.2, line.say, message(line.topic, raw, qos=1, number=77))

    made = EvilBroker(world, on_packet)
    made.before = lambda line, kind, body: None
    return made


def whole(gateway):
    assert sorted(gateway.samples) == list(range(len(gateway.samples)))
    return len(gateway.samples)


@pytest.mark.parametrize("size", [1025, *beyond(256, 70_000)])
@pytest.mark.parametrize("qos", [0, 1])
async def test_a_retained_message_of_any_size_on_its_topic_is_skipped(
    world, gateway, broker, node, size, qos
):
    def before(line, kind, body):
        if kind == SUBSCRIBE:
            line.say(message(DOWN, bytes(size), qos, number=4711, retain=True))

    broker.before = before
    AccessPoint(world, "town", PASSWORD, {"gateway.lan": broker})
    await node.provision(WIFI)
    await world.run_for(300)
    assert whole(gateway) >= 26 and not reasons(node)
    assert (4711 in broker.acknowledged) == bool(qos) and 77 in broker.acknowledged


async def test_strays_between_the_packets_cost_nothing(world, gateway, broker, node):
    def before(line, kind, body):
        if kind not in (CONNECT, SUBSCRIBE, PUBLISH):
            return
        line.say(message("a/b", b""))
        line.say(message("x" * 300, b"y" * 300, qos=1, number=9))
        line.say(message(DOWN, b"no frame", qos=1, number=10))
        line.say(b"\xd0\x00" + packet(0x40, b"\x70\x07"))

    broker.before = before
    AccessPoint(world, "town", PASSWORD, {"gateway.lan": broker})
    await node.provision(WIFI)
    await world.run_for(300)
    assert whole(gateway) >= 26 and not reasons(node)
    assert {9, 10, 77} <= set(broker.acknowledged)


async def test_packets_in_single_bytes_are_packets_as_well(world, gateway, broker, node):
    say = evil.EvilLine.say
    broker.on_open = lambda line: setattr(
        line, "say", lambda data: [say(line, data[i : i + 1]) for i in range(len(data))]
    )
    AccessPoint(world, "town", PASSWORD, {"gateway.lan": broker})
    await node.provision(WIFI)
    await world.run_for(300)
    assert whole(gateway) >= 26 and not reasons(node)


@pytest.mark.slow
async def test_a_backlog_over_a_slow_gateway_leaves_the_samples_their_time(world, gateway, broker, node):
    point = AccessPoint(world, "town", PASSWORD, {"gateway.lan": broker}, available=False)
    await node.provision(WIFI | {"report_period": 120})
    await world.run_for(3600)
    answer = broker.on_packet
    broker.on_packet = lambda line, kind, body: line.later(2.0, answer, line, kind, body)
    point.available = True
    assert await world.run_until(lambda: len(gateway.samples) >= node.samples_taken - 12, 3600)
    whole(gateway)
    assert "report: more left" in node.printed()
    # A report of a backlog may be late for two or three samples, never for its whole length.
    assert node.samples_taken >= 0.75 * world.now_us / 10_000_000
