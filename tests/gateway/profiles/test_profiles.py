"""Shapes at the platform: SenML through an independent resolver, ThingsBoard against its documented API."""

import json
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.profiles import senml
from lyhord_gateway.profiles.catalogue import KINDS
from lyhord_gateway.profiles.kind import Kind, PlatformContext
from lyhord_gateway.profiles.scale import Units, scaled, unit
from lyhord_gateway.profiles.senml import SenmlProfile
from lyhord_gateway.profiles.thingsboard import ThingsBoardProfile
from lyhord_wire.tables import QUANTITIES
from tests.gateway import senml_resolver
from tests.gateway.readings import reading

SENML = SenmlProfile("lyhord/{gateway}/senml", "gw")


def test_senml_of_every_quantity() -> None:
    (found,) = senml_resolver.readings(json.loads(SENML.payload([reading()]))).items()
    assert found == (
        (0xA01, 1),
        {
            "node": 0xA01,
            "time": 1767226500,
            "seq": (1, None),
            "fill_level": (0.63, "/"),
            "distance": (0.842, "m"),
            "temperature": (21.4, "Cel"),
            "humidity": (41.8, "%RH"),
            "battery": (3.301, "V"),
            "fill_quality": (0.9, "/"),
            "co2": (655, "ppm"),
            "tilt": (12, "deg"),
            "pressure": (101325, "Pa"),
            "illuminance": (320, "lx"),
            "pulse_count": (4294967295, "count"),
            "occupancy": (True, None),
            "rssi": (-97, "dBm"),
            "snr": (6.5, "dB"),
        },
    )


def test_senml_of_several_nodes_in_one_pack() -> None:
    several = [
        reading(1),
        reading(2, {3: None, 1: 5}),
        reading(1, {3: -5, 40: 7}, node=0xB, rssi_dbm=None, alarms=[3, 1]),
        reading(9, {}, alarms=[]),
    ]
    found = senml_resolver.readings(json.loads(SENML.payload(several)))
    assert set(found) == {(0xA01, 1), (0xA01, 2), (0xB, 1), (0xA01, 9)}
    assert "temperature" not in found[0xA01, 2] and found[0xA01, 2]["fill_level"] == (0.05, "/")
    assert found[0xB, 1]["temperature"] == (-0.5, "Cel")
    assert found[0xB, 1]["q40"] == (7, None), "a quantity that this version does not know is kept"
    assert found[0xB, 1]["alarms"] == ("fire,full", None)
    assert "rssi" not in found[0xB, 1]
    assert found[0xA01, 9]["alarms"] == ("", None)


def test_options_of_senml() -> None:
    profile = SenmlProfile("city/{gateway}/{node}", "gw", "urn:dev:ops:32473-bin-{node}:", 100, signal=False)
    assert profile.topic(reading()) == "city/gw/000a01"
    (found,) = senml_resolver.readings(
        json.loads(profile.payload([reading()])), "urn:dev:ops:32473-bin-"
    ).values()
    assert found["fill_level"] == (63, "%")
    assert "rssi" not in found and "snr" not in found


# RFC 9039 section 3.2.
_IDENTIFIER = r"[A-Za-z0-9.\-]+"
DEV_URN = re.compile(
    rf"urn:dev:((mac|ow):([0-9a-f]{{2}})+|(org|os):[1-9]\d*-{_IDENTIFIER}(:{_IDENTIFIER})*"
    rf"|ops:[1-9]\d*-[A-Za-z0-9.]+-{_IDENTIFIER}(:{_IDENTIFIER})*)(_{_IDENTIFIER})*"
)


@pytest.mark.parametrize("organization", [None, 1, 32473, 4_294_967_295])
def test_senml_names_are_dev_urns_or_claim_to_be_none(organization: int | None) -> None:
    options = senml.Options(name="a", url="mqtt://a", organization=organization)
    assert senml.KIND.wrong(options) == ""
    pack = json.loads(senml.KIND.make(options, PlatformContext("gw", NodeFacts)).payload([reading()]))
    names = {pack[0]["bn"] + record["n"] for record in pack}
    assert all(re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9\-:./_]*", name) for name in names), (
        "RFC 8428 section 4.5.1"
    )
    urns = {name for name in names if name.startswith("urn:")}
    assert urns == (names if organization else set())
    assert all(DEV_URN.fullmatch(name) for name in urns)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.profile)
def test_a_boolean_is_a_boolean_in_every_profile(kind: Kind) -> None:
    given = {"topic": "yggio/generic/v2/a/{node}"} if kind.profile == "yggio" else {}
    facts = NodeFacts(0xA01, profile=2, latitude_e6=0, longitude_e6=0)
    context = PlatformContext("gw", lambda _: facts, now_s=lambda: 0)
    profile = kind.make(kind.options(name="a", url="mqtt://a", **given), context)
    for value, word in ((0, "false"), (1, "true")):
        text = profile.payload([reading(values={12: value})]).decode()
        found = rf'"occupancy":(\{{"type":"Property","value":)?{word}|"occupancy","vb":{word}'
        assert re.search(found, text), text


def test_senml_has_one_base_name() -> None:
    options = senml.Options(name="a", url="mqtt://a", organization=32473, device="{node}:")
    assert senml.KIND.wrong(options).startswith("organization: expected nothing here beside device")


def test_senml_in_other_units() -> None:
    profile = SenmlProfile("t", "gw", units=Units("cm", "mV", "hPa"), signal=False)
    (found,) = senml_resolver.readings(json.loads(profile.payload([reading()]))).values()
    assert found["distance"] == (84.2, "cm")
    assert found["battery"] == (3301, "mV")
    assert found["pressure"] == (1013.25, "hPa")


def test_senml_marks_the_backlog_and_may_keep_it_apart() -> None:
    several = [reading(2), reading(1, backlog=True)]
    found = senml_resolver.readings(json.loads(SENML.payload(several)))
    assert found[0xA01, 1]["backlog"] == (True, None)
    assert "backlog" not in found[0xA01, 2]
    assert SENML.topic(several[1]) == SENML.topic(several[0])
    apart = SenmlProfile("live", "gw", backlog_template="late/{gateway}/{node}")
    assert [apart.topic(one) for one in several] == ["live", "late/gw/000a01"]


@given(data=st.data())
def test_units_have_no_float_dust(data: st.DataObject) -> None:
    units = Units(
        data.draw(st.sampled_from(["m", "cm", "mm"])),
        data.draw(st.sampled_from(["V", "mV"])),
        data.draw(st.sampled_from(["Pa", "hPa"])),
    )
    quantity = data.draw(st.sampled_from([QUANTITIES[2], QUANTITIES[5], QUANTITIES[9], QUANTITIES[3]]))
    value = data.draw(st.integers(quantity.low, quantity.high))
    factor = {"cm": "100", "mm": "1000", "mV": "1000", "hPa": "0.01"}.get(unit(quantity.key, 1, units), "1")
    text = json.dumps(scaled(quantity.key, value, 1, units))
    assert Decimal(text) == Decimal(value) * quantity.num / quantity.den * Decimal(factor)


@pytest.mark.parametrize("fill_scale", [1, 100])
@given(data=st.data())
def test_numbers_have_no_float_dust(fill_scale: int, data: st.DataObject) -> None:
    quantity = data.draw(st.sampled_from(sorted(QUANTITIES.values(), key=lambda q: q.key)))
    value = data.draw(st.integers(quantity.low, quantity.high))
    text = json.dumps(scaled(quantity.key, value, fill_scale))
    factor = fill_scale if quantity.unit == "/" else 1
    assert Decimal(text) == Decimal(value) * quantity.num * factor / quantity.den


def test_thingsboard_telemetry() -> None:
    profile = ThingsBoardProfile()
    several = [
        reading(1, {1: 63, 3: 214, 5: None}),
        reading(1, {1: 5}, node=0xB, rssi_dbm=None),
        reading(2, {}),
    ]
    assert {profile.topic(r) for r in several} == {"v1/gateway/telemetry"}
    assert json.loads(profile.payload(several)) == {
        "lyhord-000a01": [
            {
                "ts": 1767226500000,
                "values": {"seq": 1, "fill_level": 0.63, "temperature": 21.4, "rssi": -97, "snr": 6.5},
            },
            {"ts": 1767227400000, "values": {"seq": 2, "rssi": -97, "snr": 6.5}},
        ],
        "lyhord-00000b": [{"ts": 1767226500000, "values": {"seq": 1, "fill_level": 0.05}}],
    }


def test_options_and_backlog_of_thingsboard() -> None:
    profile = ThingsBoardProfile("Bin {node}", 100, signal=False, units=Units("mm", "mV", "hPa"))
    values = {1: 63, 2: 842, 5: 3301, 9: 101325}
    told = {"fill_level": 63, "distance": 842, "battery": 3301, "pressure": 1013.25}
    several = [reading(2, values, alarms=[1]), reading(1, values, backlog=True)]
    assert json.loads(profile.payload(several)) == {
        "Bin 000a01": [
            {"ts": 1767227400000, "values": {"seq": 2, **told, "alarms": "full"}},
            {"ts": 1767226500000, "values": {"seq": 1, **told, "backlog": True}},
        ]
    }
    assert profile.payload(several) == profile.payload(several)


def test_thingsboard_introduces_a_device() -> None:
    facts = NodeFacts(0xA01, "Storgatan 5", 1, "devkit", 59195400, 17625300, 900, 100, 0x010002)
    connect, attributes = ThingsBoardProfile("Bin {node}").announce(facts)
    assert connect.topic == "v1/gateway/connect"
    assert json.loads(connect.payload) == {"device": "Bin 000a01", "type": "bin"}
    assert attributes.topic == "v1/gateway/attributes"
    assert json.loads(attributes.payload) == {
        "Bin 000a01": {
            "name": "Storgatan 5",
            "board": "devkit",
            "latitude": 59.1954,
            "longitude": 17.6253,
            "empty_distance_mm": 900,
            "full_distance_mm": 100,
            "firmware": "1.0.2",
        }
    }
    (only_connect,) = ThingsBoardProfile().announce(NodeFacts(0xB))
    assert json.loads(only_connect.payload) == {"device": "lyhord-00000b", "type": "default"}


@pytest.mark.parametrize(
    ("values", "units", "rssi", "secondary"),
    [
        ({3: 214}, Units(), None, False),
        ({3: 214}, Units(), -97, True),
        ({7: 655}, Units(), None, True),
        ({7: None, 3: 214}, Units(), None, False),
        ({2: 842}, Units(), None, False),
        ({2: 842}, Units(distance="mm"), None, True),
        ({2: 842}, Units(distance="cm"), None, True),
        ({5: 3301}, Units(battery="mV"), None, True),
        ({9: 101325}, Units(pressure="hPa"), None, True),
        ({9: 101325}, Units(), None, False),
    ],
)
def test_senml_says_the_version_that_its_units_ask_for(
    values: dict[int, int | None], units: Units, rssi: int | None, secondary: bool
) -> None:
    """RFC 9100: 26 is version 10 with the feature "secondary units"; once in a pack, in its first record."""
    profile = SenmlProfile("t", "gw", units=units)
    pack = json.loads(profile.payload([reading(1, {3: 1}, rssi_dbm=None), reading(2, values, rssi_dbm=rssi)]))
    assert [record.get("bver") for record in pack] == [26 if secondary else None] + [None] * (len(pack) - 1)
    senml_resolver.readings(pack)
