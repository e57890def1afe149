"""Yggio's generic MQTT version 2: one message, one sample of one node."""

import json

import pytest

from lyhord_gateway.profiles.flat import Flat
from lyhord_gateway.profiles.scale import Units
from lyhord_gateway.profiles.yggio import YggioProfile
from lyhord_gateway.publish.batch import messages
from tests.gateway.readings import BIN, reading

PROFILE = YggioProfile("yggio/generic/v2/sodertalje/{gateway}-{node}", "gw")


def test_a_message_is_plain_json_about_one_sample() -> None:
    assert PROFILE.topic(reading()) == "yggio/generic/v2/sodertalje/gw-000a01"
    late = reading(values={1: 63, 3: None, 12: 0}, alarms=[4], backlog=True)
    assert json.loads(PROFILE.payload([late])) == {
        "reportedAt": "2026-01-01T00:15:00Z",
        "node": "000a01",
        "seq": 1,
        "fill_level": 0.63,
        "occupancy": 0,
        "alarms": "tilted",
        "rssi": -97,
        "snr": 6.5,
        "backlog": True,
    }
    assert "backlog" not in json.loads(PROFILE.payload([reading()]))
    assert PROFILE.announce(BIN) == []


def test_units_and_scale() -> None:
    profile = YggioProfile("yggio/generic/v2/a/{node}", "gw", Flat(100, Units("cm", "mV", "hPa"), False))
    assert json.loads(profile.payload([reading(values={1: 63, 2: 842, 5: 3301, 9: 101325})])) == {
        "reportedAt": "2026-01-01T00:15:00Z",
        "node": "000a01",
        "seq": 1,
        "fill_level": 63,
        "distance": 84.2,
        "battery": 3301,
        "pressure": 1013.25,
    }


def test_samples_never_share_a_message() -> None:
    several = [reading(1), reading(2), reading(1, node=0xB02)]
    sent = messages(several, PROFILE.topic, PROFILE.payload, 100, 100_000, PROFILE.sharing())
    told = [(message.topic[-6:], json.loads(message.payload)["seq"]) for message in sent]
    assert told == [("000a01", 1), ("000a01", 2), ("000b02", 1)]
    assert [message.readings[-1].seq for message in sent] == [1, 2, 1]
    with pytest.raises(ValueError):
        PROFILE.payload(several)


def test_the_second_write_equals_the_first() -> None:
    assert PROFILE.payload([reading()]) == PROFILE.payload([reading()])
