"""NGSI-LD: every message is a batch upsert by ETSI's rules, every entity valid by its published model."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyhord_gateway.model.reading import NodeFacts, Reading
from lyhord_gateway.profiles.ngsi_ld import NgsiLdProfile
from lyhord_gateway.profiles.scale import Units
from lyhord_gateway.publish.batch import messages
from lyhord_wire.tables import QUANTITIES
from tests.gateway.readings import ALL, BARE, BIN, ROOM, reading, registry
from tests.gateway.smart_data_models import NORMALIZED, entity_faults, faults

WHEN = "2026-01-01T00:15:00Z"
MOMENT = {"@type": "DateTime", "@value": WHEN}
PROFILE = NgsiLdProfile("lyhord/{gateway}/ngsi-ld", "gw", registry(BIN, ROOM, BARE))


def entities(profile: NgsiLdProfile, *readings: Reading) -> list[dict]:
    batch = json.loads(profile.payload(readings))
    assert faults(NORMALIZED, batch) == []
    return batch


def seen(value: object, code: str | None = None) -> dict:
    entry = {"type": "Property", "value": value, "observedAt": WHEN}
    return entry | ({"unitCode": code} if code else {})


def test_a_bin_is_a_waste_container() -> None:
    values = {1: 63, 2: 842, 3: 214, 5: 3301, 6: 90, 8: 12}
    (entity,) = entities(PROFILE, reading(values=values, alarms=[1]))
    assert entity == {
        "id": "urn:ngsi-ld:WasteContainer:lyhord-000a01",
        "type": "WasteContainer",
        "name": {"type": "Property", "value": "Storgatan 5"},
        "location": {
            "type": "GeoProperty",
            "value": {"type": "Point", "coordinates": [17.6253, 59.1954]},
        },
        "fillingLevel": seen(0.63, "C62"),
        "measuredDistance": seen(0.842, "MTR"),
        "temperature": seen(21.4, "CEL"),
        "batteryVoltage": seen(3.301, "VLT"),
        "fillingLevelQuality": seen(0.9, "C62"),
        "tilt": seen(12, "DD"),
        "sampleNumber": seen(1),
        "backlog": seen(False),
        "status": seen("ok"),
        "alarms": seen("full"),
        "rssi": seen(-97),
        "snr": seen(6.5),
        "@context": [
            "https://raw.githubusercontent.com/smart-data-models/dataModel.WasteManagement/master/"
            "context.jsonld"
        ],
    }
    assert entity_faults(entity) == []


def test_a_node_in_a_building_observes_an_indoor_environment() -> None:
    values = {3: 214, 4: 418, 7: 655, 9: 101325, 10: 320, 12: 1}
    (entity,) = entities(PROFILE, reading(values=values, node=0xB02, rssi_dbm=None, backlog=True))
    assert entity == {
        "id": "urn:ngsi-ld:IndoorEnvironmentObserved:lyhord-000b02",
        "type": "IndoorEnvironmentObserved",
        "name": {"type": "Property", "value": "Biblioteket, plan 2"},
        "dateObserved": {"type": "Property", "value": MOMENT},
        "location": {"type": "GeoProperty", "value": {"type": "Point", "coordinates": [17.6, 59.2]}},
        "temperature": seen(21.4, "CEL"),
        "relativeHumidity": seen(0.418, "C62"),
        "co2": seen(655, "59"),
        "atmosphericPressure": seen(101325, "PAL"),
        "illuminance": seen(320, "LUX"),
        "occupancy": seen(True),
        "sampleNumber": seen(1),
        "backlog": seen(True),
        "@context": [
            "https://raw.githubusercontent.com/smart-data-models/dataModel.Environment/master/context.jsonld"
        ],
    }
    assert entity_faults(entity) == []


def test_a_node_without_a_place_is_a_device_until_it_has_one() -> None:
    (entity,) = entities(PROFILE, reading(values={1: 5, 3: None, 40: 7}, node=0xC03, rssi_dbm=None))
    assert entity == {
        "id": "urn:ngsi-ld:Device:lyhord-000c03",
        "type": "Device",
        "category": {"type": "Property", "value": ["sensor"]},
        "controlledProperty": {"type": "Property", "value": ["fillingLevel", "temperature"]},
        "dateLastValueReported": {"type": "Property", "value": MOMENT},
        "fillingLevel": seen(0.05, "C62"),
        "q40": seen(7),
        "sampleNumber": seen(1),
        "backlog": seen(False),
        "@context": [
            "https://raw.githubusercontent.com/smart-data-models/dataModel.Device/master/context.jsonld"
        ],
    }
    assert entity_faults(entity) == []


@pytest.mark.parametrize(
    ("facts", "kind"),
    [
        (NodeFacts(0xA01, profile=1), "Device"),
        (NodeFacts(0xA01, profile=1, latitude_e6=0, longitude_e6=0), "WasteContainer"),
        (NodeFacts(0xA01, profile=2, latitude_e6=-90_000_000, longitude_e6=180_000_000), "IndoorEnv"),
        (NodeFacts(0xA01, profile=2, latitude_e6=1), "Device"),
        (NodeFacts(0xA01, profile=9, latitude_e6=1, longitude_e6=1), "Device"),
        (NodeFacts(0xA01, latitude_e6=1, longitude_e6=1, firmware=0x010203), "Device"),
    ],
)
def test_every_kind_of_node_is_valid_with_every_quantity(facts: NodeFacts, kind: str) -> None:
    profile = NgsiLdProfile("t", "gw", registry(facts))
    for values in (ALL, dict.fromkeys(ALL), {}):
        (entity,) = entities(profile, reading(values=values, alarms=[]))
        assert entity["type"].startswith(kind)
        assert entity_faults(entity) == []


@pytest.mark.parametrize(
    ("alarms", "status"),
    [
        ([], "ok"),
        ([1, 5, 7, 8], "ok"),
        ([4, 1], "dropped"),
        ([4, 3], "burning"),
        ([6], "unknown"),
        ([6, 4], "dropped"),
        ([200], "ok"),
    ],
)
def test_alarms_become_the_containers_status(alarms: list[int], status: str) -> None:
    (entity,) = entities(PROFILE, reading(alarms=alarms))
    assert entity["status"]["value"] == status
    assert entity_faults(entity) == []


def test_without_word_of_alarms_the_status_stays() -> None:
    (entity,) = entities(PROFILE, reading(alarms=None))
    assert "status" not in entity and "alarms" not in entity


def test_percent_is_for_platforms_that_want_it_and_leaves_the_published_model() -> None:
    profile = NgsiLdProfile("t", "gw", registry(BIN, ROOM), fill_scale=100)
    container, room = entities(profile, reading(values={1: 63, 6: 90}), reading(values={4: 418}, node=0xB02))
    assert container["fillingLevel"] == seen(63, "P1")
    assert container["fillingLevelQuality"] == seen(90, "P1")
    assert room["relativeHumidity"] == seen(41.8, "P1")
    assert entity_faults(container) == ["fillingLevel: 63 is greater than the maximum of 1"]


def test_a_frozen_room_is_told_as_it_is() -> None:
    """The published model has a minimum of 0 for an indoor temperature; the truth goes first."""
    (entity,) = entities(PROFILE, reading(values={3: -5}, node=0xB02))
    assert entity["temperature"] == seen(-0.5, "CEL")
    assert entity_faults(entity) == ["temperature: -0.5 is less than the minimum of 0"]


def test_units_context_names_and_topics() -> None:
    profile = NgsiLdProfile(
        "city/{gateway}/{node}",
        "gw",
        registry(BIN),
        "sodertalje:{node}",
        units=Units("cm", "mV", "hPa"),
        signal=False,
        context="https://context.example.net/waste.jsonld",
        backlog_template="city/{gateway}/late",
    )
    assert profile.topic(reading()) == "city/gw/000a01"
    assert profile.topic(reading(backlog=True)) == "city/gw/late"
    assert PROFILE.topic(reading(backlog=True)) == PROFILE.topic(reading()) == "lyhord/gw/ngsi-ld"
    (entity,) = entities(profile, reading(values={2: 842, 5: 3301, 9: 101325}))
    assert entity["id"] == "urn:ngsi-ld:WasteContainer:sodertalje:000a01"
    assert entity["measuredDistance"] == seen(84.2, "CMT")
    assert entity["batteryVoltage"] == seen(3301, "2Z")
    assert entity["atmosphericPressure"] == seen(1013.25, "A97")
    assert entity["@context"] == ["https://context.example.net/waste.jsonld"]
    assert "rssi" not in entity and "snr" not in entity


def test_a_message_holds_a_node_once_and_keeps_its_order() -> None:
    order = [(0xA01, 1), (0xA01, 2), (0xB02, 1), (0xA01, 3), (0xC03, 1), (0xB02, 2)]
    several = [
        reading(seq, {3: 200 + seq}, node=node, arrival=at) for at, (node, seq) in enumerate(order, start=1)
    ]
    sent = messages(several, PROFILE.topic, PROFILE.payload, 100, 100_000, PROFILE.sharing())
    found = [
        [(entity["id"][-6:], entity["sampleNumber"]["value"]) for entity in json.loads(message.payload)]
        for message in sent
    ]
    assert found == [
        [("000a01", 1), ("000b02", 1), ("000c03", 1)],
        [("000a01", 2), ("000b02", 2)],
        [("000a01", 3)],
    ]


def test_the_second_write_equals_the_first() -> None:
    several = [reading(1), reading(1, node=0xB02), reading(9, {}, node=0xC03)]
    assert PROFILE.payload(several) == PROFILE.payload(several)


@given(data=st.data())
def test_numbers_have_no_float_dust(data: st.DataObject) -> None:
    quantity = data.draw(st.sampled_from([q for q in QUANTITIES.values() if q.name != "occupancy"]))
    value = data.draw(st.integers(quantity.low, quantity.high))
    time_s = data.draw(st.integers(1 << 28, (1 << 32) - 1))
    payload = PROFILE.payload([reading(values={quantity.key: value}, time_s=time_s)])
    batch = json.loads(payload, parse_float=Decimal, parse_int=Decimal)
    (told,) = [v for v in batch[0].values() if isinstance(v, dict) and "unitCode" in v]
    exact = Decimal(value) * quantity.num / quantity.den
    assert told["value"] == (exact / 100 if quantity.unit == "%RH" else exact)
    assert faults(NORMALIZED, json.loads(payload)) == []


def test_the_schemas_can_refuse() -> None:
    (entity,) = entities(PROFILE, reading(alarms=[]))
    for key, value in (("status", "fine"), ("fillingLevel", 1.01), ("temperature", "warm")):
        changed = entity | {key: {"type": "Property", "value": value}}
        assert len(entity_faults(changed)) == 1, key
    assert entity_faults({k: v for k, v in entity.items() if k != "location"})
    for attribute in (
        {"type": "Property", "value": None},
        {"value": 1},
        {"type": "Property", "value": 1, "observedAt": "2026-01-01 00:15:00"},
        {"type": "Property", "value": 1, "observedAt": "2026-01-01T00:15:00+01:00"},
        {"type": "Property", "value": 1, "unitCode": "%"},
    ):
        assert faults(NORMALIZED, [entity | {"tilt": attribute}]), attribute


@pytest.mark.parametrize("profile", [1, 2, 9, None])
def test_a_node_that_gets_a_place_is_the_same_entity(profile: int | None) -> None:
    found = []
    for place in ({}, {"latitude_e6": 59_000_000, "longitude_e6": 17_000_000}):
        facts = NodeFacts(0xA01, profile=profile, **place)
        (entity,) = entities(NgsiLdProfile("t", "gw", registry(facts)), reading(values=ALL, alarms=[]))
        assert ("location" in entity) is bool(place)
        found.append(entity["id"])
    assert found[0] == found[1]
