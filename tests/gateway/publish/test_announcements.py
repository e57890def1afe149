"""A platform is told what it must know of a node, and no more often than it must."""

from dataclasses import replace

from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.profiles.homeassistant import HomeAssistantProfile
from lyhord_gateway.profiles.senml import SenmlProfile
from lyhord_gateway.profiles.thingsboard import ThingsBoardProfile
from lyhord_gateway.publish.announcements import Announcements
from tests.gateway.readings import BIN, reading


def test_once_per_connection_and_when_something_changed() -> None:
    facts = {0xA01: NodeFacts(0xA01)}
    announcements = Announcements(ThingsBoardProfile(), facts.__getitem__)
    assert [message.topic for message in announcements.due([reading(1), reading(2)])] == [
        "v1/gateway/connect"
    ]
    assert announcements.due([reading(3)]) == []
    assert announcements.due([reading(4, {40: 1})]) == [], "a quantity is nothing to ThingsBoard"
    facts[0xA01] = BIN
    connect, attributes = announcements.due([reading(5)])
    assert (connect.topic, attributes.topic) == ("v1/gateway/connect", "v1/gateway/attributes")
    announcements.forget()
    assert announcements.due([reading(6)]) == [connect, attributes]


def test_a_new_quantity_is_told_and_outlives_the_connection() -> None:
    profile = HomeAssistantProfile("gw", lambda: 0.0)
    announcements = Announcements(profile, lambda _: BIN)
    first = announcements.due([reading(1, {1: 5}), reading(2, {3: None})])
    assert first == [*profile.outdated(BIN), *profile.announce(BIN, {1, 3})]
    assert announcements.due([reading(3, {1: 5})]) == []
    assert announcements.due([reading(4, {1: 5, 5: 3300})]) == profile.announce(BIN, {1, 3, 5})
    announcements.forget()
    assert announcements.due([reading(5, {})]) == profile.announce(BIN, {1, 3, 5})


def test_a_shape_that_introduces_nobody_looks_nobody_up() -> None:
    registry: dict[int, NodeFacts] = {}
    assert Announcements(SenmlProfile("lyhord", "gw"), registry.__getitem__).due([reading(1)]) == []


def test_what_is_given_up_is_not_told_until_it_changes() -> None:
    facts = BIN
    announcements = Announcements(ThingsBoardProfile(), lambda _: facts)
    connect, attributes = announcements.due([reading(1)])
    announcements.give_up(attributes)
    announcements.forget()
    assert announcements.due([reading(2)]) == [connect]
    facts = replace(BIN, name="Another")
    connect, changed = announcements.due([reading(3)])
    assert changed != attributes
