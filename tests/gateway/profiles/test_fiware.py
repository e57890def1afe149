"""FIWARE's IoT Agent for JSON: topics and groups of measures as its manual has them."""

import json
import re
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.profiles.fiware import FiwareProfile
from lyhord_gateway.profiles.flat import Flat
from lyhord_gateway.profiles.scale import Units
from lyhord_wire.tables import QUANTITIES
from tests.gateway.readings import ALL, BARE, BIN, reading

PROFILE = FiwareProfile("4jggokgpepnvsb2uv4s40d59ov")
TOPIC = "/json/4jggokgpepnvsb2uv4s40d59ov/lyhord-000a01/attrs"


def test_one_sample_is_one_object() -> None:
    assert PROFILE.topic(reading()) == TOPIC
    assert json.loads(PROFILE.payload([reading(alarms=[3, 1])])) == {
        "TimeInstant": "2026-01-01T00:15:00Z",
        "seq": 1,
        "fill_level": 0.63,
        "distance": 0.842,
        "temperature": 21.4,
        "humidity": 41.8,
        "battery": 3.301,
        "fill_quality": 0.9,
        "co2": 655,
        "tilt": 12,
        "pressure": 101325,
        "illuminance": 320,
        "pulse_count": 4294967295,
        "occupancy": 1,
        "alarms": "fire,full",
        "rssi": -97,
        "snr": 6.5,
        "backlog": False,
    }


def test_several_samples_are_an_array_of_groups() -> None:
    several = [
        reading(1, {1: 63, 3: None}, rssi_dbm=None),
        reading(2, {1: 64, 40: 7}, alarms=[], snr_q4=None, backlog=True),
    ]
    assert json.loads(PROFILE.payload(several)) == [
        {"TimeInstant": "2026-01-01T00:15:00Z", "seq": 1, "fill_level": 0.63, "backlog": False},
        {
            "TimeInstant": "2026-01-01T00:30:00Z",
            "seq": 2,
            "fill_level": 0.64,
            "q40": 7,
            "alarms": "",
            "rssi": -97,
            "backlog": True,
        },
    ]


def test_every_group_has_one_level_and_names_that_orion_takes() -> None:
    group = json.loads(PROFILE.payload([reading(values=ALL, alarms=[1, 3, 4, 5, 6, 7, 8, 99])]))
    for name, value in group.items():
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name)
        assert isinstance(value, int | float | str)
        assert not set("<>\"'=;()") & set(str(value))


def test_nodes_have_topics_of_their_own_and_options_count() -> None:
    profile = FiwareProfile("key", "bin:{node}", Flat(100, Units("mm", "mV", "hPa"), signal=False))
    assert profile.topic(reading(node=0xFFFFFF)) == "/json/key/bin:ffffff/attrs"
    group = json.loads(profile.payload([reading(values={1: 63, 2: 842, 5: 3301, 9: 101325})]))
    assert group == {
        "TimeInstant": "2026-01-01T00:15:00Z",
        "seq": 1,
        "fill_level": 63,
        "distance": 842,
        "battery": 3301,
        "pressure": 1013.25,
        "backlog": False,
    }


def test_what_the_registry_knows_is_told() -> None:
    (message,) = PROFILE.announce(BIN)
    assert message.topic == TOPIC and not message.retain
    assert json.loads(message.payload) == {
        "name": "Storgatan 5",
        "location": "59.1954,17.6253",
        "firmware": "1.0.2",
    }
    assert PROFILE.announce(BARE) == []
    (message,) = PROFILE.announce(NodeFacts(1, name="Torget (norra); <'kiosken'>"))
    assert json.loads(message.payload) == {"name": "Torget norra kiosken"}
    assert PROFILE.announce(NodeFacts(1, name="();")) == []


def test_the_key_hides_and_the_second_write_equals_the_first() -> None:
    assert "4jggokgpepnvsb2uv4s40d59ov" not in repr(PROFILE)
    several = [reading(1), reading(2)]
    assert PROFILE.payload(several) == PROFILE.payload(several)


@given(data=st.data())
def test_numbers_have_no_float_dust(data: st.DataObject) -> None:
    quantity = data.draw(st.sampled_from(list(QUANTITIES.values())))
    value = data.draw(st.integers(quantity.low, quantity.high))
    scale = data.draw(st.sampled_from([1, 100]))
    unit, factor = data.draw(st.sampled_from([("m", 1), ("cm", 100), ("mm", 1000)]))
    profile = FiwareProfile("key", flat=Flat(scale, Units(unit, "mV", "hPa")))
    group = json.loads(profile.payload([reading(values={quantity.key: value})]), parse_float=Decimal)
    factors = {"m": factor, "V": 1000, "Pa": Decimal("0.01"), "/": scale}
    exact = Decimal(value) * quantity.num * factors.get(quantity.unit, 1) / quantity.den
    assert group[quantity.name] == exact
