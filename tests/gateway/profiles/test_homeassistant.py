"""Home Assistant: discovery that it accepts, templates that render, and no old sample as a new state."""

import asyncio
import json
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.profiles.homeassistant import HomeAssistantProfile
from lyhord_gateway.profiles.scale import Units
from lyhord_gateway.publish.batch import messages
from lyhord_wire.report import Report, encode_report
from tests.gateway.home_assistant import Device, faults
from tests.gateway.parts import DEADLINE_S, GatewayProcess, Mosquitto, Node, connected
from tests.gateway.readings import ALL, BARE, BIN, ROOM, TIME_S, reading

NOW_S = TIME_S + 3600
HEALTH = "lyhord-gateway/gw/health"
PROFILE = HomeAssistantProfile("gw", lambda: NOW_S, status_topic=HEALTH)


def discovered(profile: HomeAssistantProfile, facts: NodeFacts, quantities: set[int]) -> dict:
    (message,) = profile.announce(facts, quantities)
    assert message.retain
    config = json.loads(message.payload)
    assert faults(config) == []
    return config


def test_a_bin_is_discovered() -> None:
    (message,) = PROFILE.announce(BIN, {1, 5})
    assert message.topic == "homeassistant/device/gw/lyhord-000a01/config" and message.retain
    config = json.loads(message.payload)
    cmps = config.pop("cmps")
    assert config == {
        "dev": {
            "ids": ["lyhord-000a01"],
            "name": "Storgatan 5",
            "mf": "Lyhörd",
            "mdl": "bin",
            "hw": "devkit",
            "sw": "1.0.2",
            "sn": "000a01",
        },
        "o": {"name": "lyhord-gateway"},
        "state_topic": "lyhord/gw/000a01/state",
        "availability": [
            {
                "topic": HEALTH,
                "value_template": "{{ 'offline' if value_json.state == 'gone' else 'online' }}",
            }
        ],
        "qos": 1,
    }
    alarms = ["full", "fire", "battery_low", "sensor_fault", "tilted"]
    assert list(cmps) == ["fill_level", "battery", *(f"alarm_{a}" for a in alarms), "measured", "rssi", "snr"]
    assert cmps["fill_level"] == {
        "p": "sensor",
        "name": "Fill level",
        "unit_of_measurement": "%",
        "state_class": "measurement",
        "value_template": "{{ value_json.get('fill_level', '') }}",
        "unique_id": "gw_lyhord-000a01_fill_level",
        "expire_after": 14400,
    }
    assert cmps["battery"] == {
        "p": "sensor",
        "name": "Battery",
        "device_class": "voltage",
        "unit_of_measurement": "V",
        "state_class": "measurement",
        "entity_category": "diagnostic",
        "value_template": "{{ value_json.get('battery', '') }}",
        "unique_id": "gw_lyhord-000a01_battery",
        "expire_after": 14400,
    }
    assert cmps["alarm_fire"] == {
        "p": "binary_sensor",
        "name": "Fire",
        "device_class": "safety",
        "value_template": "{{ ('ON' if 'fire' in value_json.alarms else 'OFF') "
        "if value_json.alarms is defined else '' }}",
        "unique_id": "gw_lyhord-000a01_alarm_fire",
        "expire_after": 14400,
    }


def test_states_reach_every_entity() -> None:
    device = Device(discovered(PROFILE, BARE, {*ALL, 40}))
    payload = PROFILE.payload([reading(values={**ALL, 40: 7}, alarms=[5, 1])])
    assert json.loads(payload)["node"] == "000a01" and json.loads(payload)["seq"] == 1
    assert device.hear(payload) == {
        "fill_level": "63",
        "distance": "0.842",
        "temperature": "21.4",
        "humidity": "41.8",
        "battery": "3.301",
        "fill_quality": "90",
        "co2": "655",
        "tilt": "12",
        "pressure": "101325",
        "illuminance": "320",
        "pulse_count": "4294967295",
        "occupancy": "ON",
        "q40": "7",
        "alarm_full": "ON",
        "alarm_fire": "OFF",
        "alarm_tilted": "OFF",
        "alarm_battery_low": "ON",
        "alarm_sensor_fault": "OFF",
        "alarm_cold": "OFF",
        "alarm_warm": "OFF",
        "measured": "2026-01-01T00:15:00Z",
        "rssi": "-97",
        "snr": "6.5",
    }


def test_what_is_not_valid_becomes_unknown_and_what_is_not_said_stays() -> None:
    device = Device(discovered(PROFILE, ROOM, {3, 4, 12}))
    device.hear(PROFILE.payload([reading(1, {3: 214, 4: 418, 12: 0}, node=0xB02, alarms=[7])]))
    assert device.states["occupancy"] == "OFF" and device.states["alarm_cold"] == "ON"
    device.hear(PROFILE.payload([reading(2, {3: None, 4: 420}, node=0xB02, rssi_dbm=None)]))
    assert device.states["temperature"] is None
    assert device.states["humidity"] == "42"
    assert device.states["occupancy"] == "OFF" and device.states["alarm_cold"] == "ON"
    assert device.states["rssi"] == "-97"
    device.hear(PROFILE.payload([reading(3, {3: -5, 12: None}, node=0xB02, alarms=[])]))
    assert (device.states["temperature"], device.states["alarm_cold"]) == ("-0.5", "OFF")


def test_units_names_and_topics() -> None:
    profile = HomeAssistantProfile(
        "gw",
        lambda: NOW_S,
        "ha/{gateway}/{node}",
        "late/{node}",
        "bin_{node}",
        "hass",
        0,
        Units("cm", "mV", "hPa"),
        signal=False,
    )
    config = discovered(profile, BARE, {2, 5, 9})
    assert config["dev"] == {"ids": ["bin_000c03"], "name": "bin_000c03", "mf": "Lyhörd", "sn": "000c03"}
    assert config["state_topic"] == "ha/gw/000c03"
    units = {name: entity.get("unit_of_measurement") for name, entity in config["cmps"].items()}
    assert (units["distance"], units["battery"], units["pressure"]) == ("cm", "mV", "hPa")
    assert "availability" not in config, "nobody would say that it is there"
    assert not any("expire_after" in entity for entity in config["cmps"].values())
    assert "rssi" not in units and "snr" not in units
    states = Device(config).hear(profile.payload([reading(values={2: 842, 5: 3301, 9: 101325})]))
    assert (states["distance"], states["battery"], states["pressure"]) == ("84.2", "3301", "1013.25")
    assert profile.announce(BARE)[0].topic == "hass/device/gw/bin_000c03/config"
    assert profile.topic(reading(backlog=True)) == "late/000a01"
    assert profile.topic(reading(time_s=1 << 28)) == "ha/gw/000a01", "0: nothing is ever too old"


def test_what_is_no_state_any_more_goes_to_the_backlog() -> None:
    state, backlog = "lyhord/gw/000a01/state", "lyhord/gw/000a01/backlog"
    assert PROFILE.topic(reading()) == state
    assert PROFILE.topic(reading(backlog=True)) == backlog
    assert PROFILE.topic(reading(time_s=NOW_S - 14400)) == state
    assert PROFILE.topic(reading(time_s=NOW_S - 14401)) == backlog
    assert PROFILE.topic(reading(time_s=NOW_S + 60)) == state, "a clock that is ahead"


def test_samples_never_share_a_message_and_the_last_one_stays() -> None:
    several = [reading(seq, {1: seq}) for seq in (1, 2, 3)]
    sent = messages(several, PROFILE.topic, PROFILE.payload, 100, 100_000, PROFILE.sharing())
    assert [json.loads(message.payload)["seq"] for message in sent] == [1, 2, 3]
    assert not any(message.retain for message in sent)
    with pytest.raises(ValueError):
        PROFILE.payload(several)


def test_the_second_write_equals_the_first() -> None:
    assert PROFILE.payload([reading()]) == PROFILE.payload([reading()])
    assert PROFILE.announce(BIN, [1, 3]) == PROFILE.announce(BIN, [3, 1])


def fresh(node: Node, seq: int) -> bytes:
    """A frame with a sample of this moment (−1: taken 0 s before it was sent)."""
    return node.frame(encode_report(Report(seq, -1, 0, {1: [42], 3: [214]})))


@pytest.mark.slow  # the last will is spoken after half a minute
@pytest.mark.parametrize("end", ["terminate", "kill"])
async def test_a_gateway_is_discovered_and_its_end_is_noticed(end: str, tmp_path: Path) -> None:
    node = Node()
    async with AsyncExitStack() as stack:
        broker = await stack.enter_async_context(Mosquitto(tmp_path))
        section = f'[[platform]]\nname = "ha"\nurl = "mqtt://127.0.0.1:{broker.port}"\n'
        gateway = GatewayProcess(tmp_path, None, f'{section}profile = "homeassistant"\nbatch_ms = 20\n')
        await gateway.add(node)
        await stack.enter_async_context(gateway)
        nodes = await stack.enter_async_context(connected(gateway.port))
        await nodes.publish(node.up, fresh(node, 0), qos=1)

        watcher = await stack.enter_async_context(connected(broker.port, "#"))
        heard: dict[str, list[bytes]] = {}

        async def until(topic: str, newer_than: int = 0) -> bytes:
            async with asyncio.timeout(DEADLINE_S):
                while len(seen := heard.get(topic, [])) <= newer_than:
                    message = await anext(watcher.messages)
                    assert isinstance(message.payload, bytes)
                    heard.setdefault(str(message.topic), []).append(message.payload)
            return seen[-1]

        health = "lyhord-gateway/test/health"
        device = Device(json.loads(await until("homeassistant/device/test/lyhord-000a01/config")))
        assert device.available(health, await until(health))
        await nodes.publish(node.up, fresh(node, 1), qos=1)
        state = await until("lyhord/test/000a01/state")
        assert device.hear(state)["fill_level"] == "42"
        told = len(heard[health])
        await (gateway.terminate() if end == "terminate" else gateway.kill())
        while device.available(health, await until(health, told)):
            told += 1
