"""One file per profile with everything that a platform is sent for a bin and a room, byte for byte.

`golden/<profile>.txt` has each message as two lines, its topic and its payload, and then an empty one. The
readings are the same for all: one of each node that is live, and then one of each that comes late.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lyhord_gateway.model.reading import Message
from lyhord_gateway.options.endpoint import Endpoint
from lyhord_gateway.options.mqtt_url import MqttUrl
from lyhord_gateway.options.secret import ApiKey
from lyhord_gateway.profiles.homeassistant import HomeAssistantProfile
from lyhord_gateway.profiles.make import kind_named, make_profile
from lyhord_gateway.publish.announcements import Announcements
from lyhord_gateway.publish.batch import messages
from tests.gateway import home_assistant, senml_resolver, smart_data_models
from tests.gateway.readings import BIN, ROOM, TIME_S, reading, registry

GOLDEN = Path(__file__).parent / "golden"
BIN_VALUES = {1: 63, 2: 338, 3: 75, 5: 3301, 6: 90, 8: 2}
ROOM_VALUES = {3: 214, 4: 418, 7: 655, 9: 101325, 10: 320, 12: 1}
READINGS = [
    reading(8, BIN_VALUES, alarms=[1], arrival=1),
    reading(5, ROOM_VALUES, node=0xB02, alarms=[], rssi_dbm=None, snr_q4=None, arrival=2),
    reading(7, BIN_VALUES | {1: 61, 3: None}, alarms=[], backlog=True, arrival=3),
    reading(4, ROOM_VALUES | {3: 195, 12: 0}, node=0xB02, backlog=True, arrival=4),
]
IDENTITIES = [(one.node, one.seq) for one in READINGS]
# Battery 3.301 V, settings 4, the last downlink at -101 dBm and 6.5 dB, faults ultrasonic and storage.
STATUS = ((3, 3301), (4, 4), (6, -101), (7, 26), (9, 17))
OPTIONS: dict[str, dict[str, object]] = {
    "senml": {},
    "thingsboard": {},
    "fiware-iota-json": {"api_key": "fiware.key"},
    "ngsi-ld": {},
    "yggio": {"topic": "yggio/generic/v2/sodertalje/lyhord-{node}"},
    "homeassistant": {},
}


_DEVICE = {"type": "string", "minLength": 1}
_VALUES = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": {"not": {"type": ["object", "array"]}},
}
# https://thingsboard.io/docs/reference/gateway-mqtt-api/
THINGSBOARD: dict[str, dict] = {
    "v1/gateway/connect": {
        "type": "object",
        "required": ["device"],
        "additionalProperties": False,
        "properties": {"device": _DEVICE, "type": _DEVICE},
    },
    "v1/gateway/attributes": {"type": "object", "minProperties": 1, "additionalProperties": _VALUES},
    "v1/gateway/telemetry": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["ts", "values"],
                "additionalProperties": False,
                "properties": {"ts": {"type": "integer", "minimum": 10**12}, "values": _VALUES},
            },
        },
    },
}


def sent(profile_name: str) -> list[Message]:
    """The messages that the readings become with the options' defaults."""
    options = kind_named(profile_name).options
    platform = options(name="city", url="mqtt://localhost", **OPTIONS[profile_name])
    endpoint = Endpoint(url=MqttUrl("localhost", 1883, False), api_key=ApiKey("4jggokgpepnvsb2uv4s40d59ov"))
    facts = registry(replace(BIN, status=STATUS), ROOM)
    profile = make_profile(platform, endpoint, "gw", facts, "lyhord-gateway/gw/health")
    if isinstance(profile, HomeAssistantProfile):
        profile = replace(profile, now_s=lambda: TIME_S + 3600)
    announcements = Announcements(profile, facts)
    found: list[Message] = []
    bounds = platform.batch
    for message in messages(READINGS, profile.topic, profile.payload, *bounds, profile.sharing()):
        # An empty one takes back what an earlier version has announced.
        found += [word for word in announcements.due(message.readings) if word.payload]
        found.append(message)
    return found


def file_text(found: list[Message]) -> str:
    return "\n".join(f"{m.topic}{' (retained)' * m.retain}\n{m.payload.decode()}\n" for m in found)


def golden(profile_name: str) -> list[tuple[str, Any]]:
    """Topic and parsed payload of every message in the file."""
    lines = (GOLDEN / f"{profile_name}.txt").read_text(encoding="utf-8").split("\n")
    return [(topic, json.loads(payload)) for topic, payload in zip(lines[::3], lines[1::3], strict=False)]


@pytest.mark.parametrize("profile", OPTIONS)
def test_messages_are_the_golden_ones(profile: str) -> None:
    assert file_text(sent(profile)) == (GOLDEN / f"{profile}.txt").read_text(encoding="utf-8")


def test_senml_is_read_by_an_independent_parser() -> None:
    ((_, pack),) = golden("senml")
    found = senml_resolver.readings(pack)
    assert list(found) == IDENTITIES
    assert [found[key].get("backlog") for key in IDENTITIES] == [None, None, (True, None), (True, None)]
    assert found[0xA01, 8]["fill_level"] == (0.63, "/") and found[0xB02, 5]["humidity"] == (41.8, "%RH")


def test_thingsboard_is_as_its_documentation_has_it() -> None:
    found = golden("thingsboard")
    assert [topic.removeprefix("v1/gateway/") for topic, _ in found] == [
        *("connect", "attributes") * 2,
        "telemetry",
    ]
    for topic, payload in found:
        assert smart_data_models.faults(THINGSBOARD[topic], payload) == []


def test_fiware_is_groups_of_plain_attributes() -> None:
    for topic, payload in golden("fiware-iota-json"):
        assert re.fullmatch(r"/json/\w+/lyhord-[0-9a-f]{6}/attrs", topic)
        for group in payload if isinstance(payload, list) else [payload]:
            assert all(isinstance(value, int | float | str | bool) for value in group.values())


def test_ngsi_ld_is_valid_by_the_published_models() -> None:
    kinds = []
    for _, batch in golden("ngsi-ld"):
        assert smart_data_models.faults(smart_data_models.NORMALIZED, batch) == []
        for entity in batch:
            assert smart_data_models.entity_faults(entity) == []
            kinds.append(entity["type"])
    observed = [kind for kind in kinds if kind != "Device"]
    assert observed == ["WasteContainer", "IndoorEnvironmentObserved"] * 2
    assert kinds.count("Device") == 2, "each node is a device, told once"


def test_yggio_is_one_flat_sample_per_message() -> None:
    found = golden("yggio")
    samples = [(int(said["node"], 16), said["seq"]) for _, said in found if "seq" in said]
    assert samples == sorted(IDENTITIES, key=lambda key: (key[0], -key[1]))
    assert [said["node"] for _, said in found if "in_service" in said] == ["000a01", "000b02"]
    for topic, said in found:
        assert topic == f"yggio/generic/v2/sodertalje/lyhord-{said['node']}"
        assert all(isinstance(value, int | float | str) for value in said.values())


def test_homeassistant_discovers_what_its_states_tell() -> None:
    devices = {}
    for topic, payload in golden("homeassistant"):
        if topic.endswith("/config (retained)"):
            assert home_assistant.faults(payload) == []
            devices[payload["state_topic"]] = home_assistant.Device(payload)
        elif topic.endswith("/state"):
            states = devices[topic].hear(json.dumps(payload).encode())
            assert states["measured"] == payload["time"]
    assert len(devices) == 2
