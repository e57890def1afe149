"""Words about a node at a platform are taken back when the node goes, whatever happens between."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_gateway.fleet.nodes import remove, set_enabled
from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.profiles import Profile
from lyhord_gateway.profiles.catalogue import KINDS
from lyhord_gateway.profiles.homeassistant import HomeAssistantProfile
from lyhord_gateway.profiles.kind import PlatformContext
from lyhord_gateway.profiles.make import kind_named
from lyhord_gateway.profiles.senml import SenmlProfile
from lyhord_gateway.publish.announced import Announced
from lyhord_gateway.store.schema import connect
from lyhord_wire.report import Report, encode_report
from tests.fakes.silent_broker import SilentBroker
from tests.gateway import home_assistant, senml_resolver, smart_data_models
from tests.gateway.bench import Bench
from tests.gateway.parts import (
    GatewayProcess,
    Mosquitto,
    Node,
    connected,
    next_message,
    until,
)
from tests.gateway.publishing import publishing
from tests.gateway.readings import BIN, TIME_S

STATUS = {0: 0x010203, 1: 0, 3: 3301, 6: -101, 9: 17 | 1 << 20}
HA = HomeAssistantProfile("gw", lambda: TIME_S, node_status=True)
CONFIG = "homeassistant/device/gw/lyhord-000a01/config"
Change = Callable[[sqlite3.Connection, int], None]


def disable(connection: sqlite3.Connection, node: int) -> None:
    set_enabled(connection, node, False)


def changed(bench: Bench, change: Change, node: int) -> None:
    """As the command does it, from another connection."""
    connection = connect(bench.path)
    with connection:
        change(connection, node)
    connection.close()


def on(broker: SilentBroker, topic: str) -> list[bytes]:
    return [payload for name, payload in broker.published if name == topic]


@pytest.mark.parametrize("change", [disable, remove])
async def test_a_node_that_goes_is_undiscovered_at_once(change: Change, bench: Bench) -> None:
    node = Node()
    async with (
        SilentBroker(acknowledging=True) as broker,
        publishing(bench, broker.port, profile=HA),
    ):
        await bench.heard(node.report())
        await until(lambda: on(broker, CONFIG), "it is discovered")
        changed(bench, change, node.id)
        await until(lambda: on(broker, CONFIG)[-1] == b"", "it is taken back")
        await until(lambda: not bench.reader.announced("city"), "and that is remembered")


@pytest.mark.parametrize("change", [disable, remove])
async def test_what_was_announced_outlives_the_gateway(change: Change, bench: Bench) -> None:
    """Another configuration, or a registry without the node, takes back what was said before."""
    node = Node()
    before = HomeAssistantProfile("gw", lambda: TIME_S, prefix="hass")
    async with SilentBroker(acknowledging=True) as broker:
        async with publishing(bench, broker.port, profile=before):
            await bench.heard(node.report())
            await until(lambda: bench.reader.cursor("city"), "it is discovered")
        changed(bench, change, node.id)
        broker.published.clear()
        async with publishing(bench, broker.port, profile=HA):
            gone = CONFIG.replace("homeassistant", "hass")
            await until(lambda: on(broker, gone) == [b""], "it is taken back")
            await until(lambda: not bench.reader.announced("city"), "and that is remembered")


async def test_a_node_that_goes_while_the_platform_is_away(bench: Bench) -> None:
    node = Node()
    async with SilentBroker(acknowledging=True) as broker, publishing(bench, broker.port, profile=HA):
        await bench.heard(node.report())
        await until(lambda: bench.reader.cursor("city"), "it is discovered")
        broker.acknowledging = False
        broker.drop_all()
        changed(bench, disable, node.id)
        await until(lambda: on(broker, CONFIG)[-1] == b"", "it is said")
        assert bench.reader.announced("city"), "nothing is taken back before its PUBACK"
        broker.drop_all()
        broker.acknowledging = True
        await until(lambda: not bench.reader.announced("city"), "it is said again")


async def test_a_node_that_comes_back_is_discovered_again(bench: Bench) -> None:
    node = Node()
    async with (
        SilentBroker(acknowledging=True) as broker,
        publishing(bench, broker.port, profile=HA),
    ):
        await bench.heard(node.report())
        await until(lambda: on(broker, CONFIG), "it is discovered")
        changed(bench, disable, node.id)
        await until(lambda: not bench.reader.announced("city"), "it is taken back")
        changed(bench, lambda connection, one: set_enabled(connection, one, True), node.id)
        await until(lambda: bench.registry.facts(node.id).enabled, "it is in service")
        await bench.heard(node.report())
        await until(lambda: on(broker, CONFIG)[-1] != b"", "it is discovered again")


async def test_readings_that_wait_for_a_node_that_went_bring_it_back_nowhere(bench: Bench) -> None:
    node = Node()
    await bench.heard(node.report())
    changed(bench, disable, node.id)
    async with (
        SilentBroker(acknowledging=True) as broker,
        publishing(bench, broker.port, profile=HA),
    ):
        await until(lambda: bench.reader.cursor("city") == bench.reader.newest_arrival(), "nothing is lost")
        assert not on(broker, CONFIG)


async def test_a_prefix_that_changes_moves_the_discovery(bench: Bench) -> None:
    node = Node()
    async with SilentBroker(acknowledging=True) as broker:
        async with publishing(
            bench, broker.port, profile=HomeAssistantProfile("gw", lambda: 0, prefix="old")
        ):
            await bench.heard(node.report())
            await until(lambda: bench.reader.cursor("city"), "it is discovered")
        broker.published.clear()
        async with publishing(bench, broker.port, profile=HA):
            await bench.heard(node.report())
            await until(lambda: on(broker, CONFIG), "it is discovered at the new place")
            assert on(broker, CONFIG.replace("homeassistant", "old")) == [b""]


def profiles() -> dict[str, Profile]:
    """With the options' defaults; SenML has a topic for nodes."""
    context = PlatformContext("gw", lambda _: BIN, "health", "key", lambda: TIME_S)
    found = {}
    for kind in KINDS:
        given = {"topic": "yggio/generic/v2/a/{node}"} if kind.profile == "yggio" else {}
        given |= {"node_topic": "lyhord/{gateway}/nodes"} if kind.profile == "senml" else {}
        found[kind.profile] = kind.make(kind.options(name="a", url="mqtt://a", **given), context)
    return found


@pytest.mark.parametrize("profile", profiles().values(), ids=list(profiles()))
async def test_every_platform_hears_of_a_status_and_of_the_end(profile: Profile, bench: Bench) -> None:
    node = Node()
    async with (
        SilentBroker(acknowledging=True) as broker,
        publishing(bench, broker.port, profile=profile),
    ):
        await bench.heard(node.report())
        await bench.heard(node.frame(encode_report(Report(1, -1, 0, {}, STATUS))))
        await bench.heard(node.frame(encode_report(Report(1, -1, 0, {1: [5]}))))

        def said(*words: str) -> bool:
            return any(all(word in text.decode() for word in words) for _, text in broker.published)

        await until(lambda: said("1.2.3", "3.301", "-101", "ultrasonic,storage,fault_1048576"), "its status")
        changed(bench, remove, node.id)
        ends = ('"in_service":false', "outOfService", '"n":"in_service","vb":false')
        await until(lambda: any(map(said, ends)) or (CONFIG, b"") in broker.published, "its end")
        await until(lambda: not bench.reader.announced("city"), "and that is remembered")


def test_two_gateways_have_discoveries_of_their_own_on_one_device() -> None:
    def found(gateway: str) -> tuple[list[str], set[str], dict]:
        profile = HomeAssistantProfile(gateway, lambda: 0, status_topic=f"lyhord-gateway/{gateway}/health")
        words = profile.announce(BIN, {1, 5})
        config = json.loads(words[0].payload)
        return [word.topic for word in words], {one["unique_id"] for one in config["cmps"].values()}, config

    (north, north_ids, one), (south, south_ids, other) = found("north"), found("south.2")
    assert not set(north) & set(south) and not north_ids & south_ids
    assert one["dev"] == other["dev"]
    assert [place["topic"] for place in one["availability"]] == ["lyhord-gateway/north/health"]
    assert [place["topic"] for place in other["availability"]] == ["lyhord-gateway/south.2/health"]
    assert "." not in south[0], "Home Assistant takes letters, digits, _ and - in a discovery topic"


def test_the_gateway_is_a_device_of_its_own() -> None:
    health = "lyhord-gateway/gw.2/health"
    (word,) = HomeAssistantProfile("gw.2", lambda: 0, status_topic=health).greeting()
    assert word.topic == "homeassistant/device/gw_2/gateway/config" and word.retain
    config = json.loads(word.payload)
    assert home_assistant.faults(config) == []
    device = home_assistant.Device(config)
    assert device.hear(b'{"state": "unhealthy"}')["problem"] == "ON"
    assert device.hear(b'{"state": "healthy"}')["problem"] == "OFF"
    assert not device.available(health, b'{"state": "gone"}')
    assert HomeAssistantProfile("gw", lambda: 0).greeting() == []


def test_senml_tells_of_nodes_on_a_topic_of_its_own_only() -> None:
    assert SenmlProfile("t", "gw").announce(BIN) == []
    facts = NodeFacts(0xA01, firmware=0x010002, status=((3, 3301), (6, -101), (9, 0)))
    (word,) = SenmlProfile("t", "gw", node_topic="{gateway}/nodes").announce(facts)
    pack = json.loads(word.payload)
    assert word.topic == "gw/nodes" and pack[0]["bver"] == 26, "dBm is a secondary unit"
    records = senml_resolver.resolve([{"bt": 1767225600, **pack[0]}, *pack[1:]])
    assert {one["name"].rpartition(":")[2]: (one["value"], one["unit"]) for one in records} == {
        "in_service": (True, None),
        "firmware": ("1.0.2", None),
        "node_battery": (3.301, "V"),
        "downlink_rssi": (-101, "dBm"),
        "faults": ("", None),
    }


def test_a_device_out_of_service_is_an_entity_by_the_rules() -> None:
    profile = profiles()["ngsi-ld"]
    for words in (profile.announce(BIN, {1}), profile.retract(BIN)):
        (batch,) = (json.loads(word.payload) for word in words)
        assert smart_data_models.faults(smart_data_models.NORMALIZED, batch) == []
        assert batch[0]["id"] == "urn:ngsi-ld:Device:lyhord-000a01"


def test_a_row_that_is_no_row_is_no_end() -> None:
    announced = Announced("city", {1: b"junk", 2: b"[1]"})
    assert [announced.words(node) for node in (1, 2, 3)] == [[], [], []]
    assert announced.outside({2}) == [1]


def test_every_profile_has_the_option_where_it_has_the_place() -> None:
    for kind in KINDS:
        fields = kind.options.__struct_fields__
        assert ("node_status" in fields) is not (kind.profile == "senml")
    assert kind_named("thingsboard").options(name="a", url="mqtt://a").node_status


async def test_a_command_reaches_the_platform_through_a_running_gateway(tmp_path: Path) -> None:
    node = Node()
    async with Mosquitto(tmp_path) as platform, connected(platform.port, "homeassistant/#") as ear:
        section = f'[[platform]]\nname = "ha"\nurl = "mqtt://127.0.0.1:{platform.port}"\n'
        async with GatewayProcess(tmp_path, None, section + 'profile = "homeassistant"\n') as gateway:
            await gateway.add(node)
            async with connected(gateway.port, node.down) as client:
                await client.publish(node.up, node.report(ack=True), qos=1)
            topic = "homeassistant/device/test/lyhord-000a01/config"
            while (await next_message(ear)).topic.value != topic:
                pass
            await gateway.cli("nodes", "remove", "000a01")
            last = await next_message(ear)
            assert (last.topic.value, last.payload) == (topic, b"")
            assert await gateway.terminate() == 0
