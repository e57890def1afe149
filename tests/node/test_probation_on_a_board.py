"""Orders that are legal and would cut the node off: it tries them, and comes back by itself."""

import pytest

from lyhord_rig.radio.model import Transmission
from lyhord_wire import codes, instructions
from lyhord_wire.lora import UPLINK_CHANNELS
from tests.node.bin_node import BIN, whole

QUIET = BIN | {"sample_period": 60, "report_period": 120, "ack_every": 1}
PUT_BACK = codes.FAULT_SETTINGS


def order(version, **settings):
    names = {name: getattr(codes, name.upper()) for name in settings}
    return {
        instructions.SETTINGS: {names[name]: value for name, value in settings.items()},
        instructions.SETTINGS_VERSION: version,
    }


def told(gateway, key):
    return [status[key] for status in gateway.statuses if key in status]


@pytest.fixture
def single(gateway, ether):
    """The gateway is a bridge from now on: one channel, one spreading factor, little reach."""

    def listen(channel, sf):
        honest = gateway.frame_received

        def frame_received(reception):
            tuning = reception.transmission.modulation
            if tuning.sf == sf and abs(tuning.freq_hz - channel) < 1000:
                honest(reception)

        gateway.frame_received = frame_received

    return listen


@pytest.mark.parametrize(
    "settings",
    [
        {"spreading_factor": 12},
        {"channels": 2},
        {"spreading_factor": 8, "fastest_sf": 8, "channels": 4, "full_alarm": 70},
    ],
    ids=lambda settings: "+".join(settings),
)
async def test_what_the_bridge_cannot_hear_is_put_back_and_told(settings, world, gateway, node, single):
    single(UPLINK_CHANNELS[0][0], 7)
    await node.provision(QUIET | {"channels": 1})
    gateway.orders.append(order(5, full_alarm=80))
    await world.run_for(400)
    assert told(gateway, codes.STATUS_SETTINGS_VERSION)[-1] == 5
    gateway.orders.append(order(6, **settings))
    assert await world.run_until(lambda: "settings put back" in node.printed(), 3600)
    await world.run_for(300)
    assert 6 not in told(gateway, codes.STATUS_SETTINGS_VERSION)
    assert told(gateway, codes.STATUS_SETTINGS_VERSION)[-1] == 5
    assert any(faults & PUT_BACK for faults in told(gateway, codes.STATUS_FAULTS))
    # It is asked again, as a gateway does that saw another version: refused at once.
    gateway.orders.append(order(6, **settings))
    assert await world.run_until(lambda: "settings refused: version 6 was put back" in node.printed(), 600)
    await world.run_for(600)
    assert node.printed().count("settings put back") == 1
    assert not told(gateway, codes.STATUS_FAULTS)[-1] & PUT_BACK
    whole(gateway)
    await node.enter()
    shown = await node.ask("get")
    assert (shown["spreading_factor"], shown["channels"], shown["full_alarm"]) == ("7", "1 bit mask", "80 %")


async def test_a_trial_outlives_power_cuts_and_the_rhythm_goes_on(world, gateway, node, single):
    single(UPLINK_CHANNELS[0][0], 7)
    await node.provision(QUIET | {"channels": 1})
    await world.run_for(200)
    gateway.orders.append(order(6, spreading_factor=11))
    assert await world.run_until(lambda: not gateway.orders, 400)
    for _ in range(3):
        await world.run_for(100)
        node.board.power_off()
        node.board.power_on()
    assert await world.run_until(lambda: "settings put back" in node.printed(), 3600)
    await world.run_for(400)
    whole(gateway)
    assert any(faults & PUT_BACK for faults in told(gateway, codes.STATUS_FAULTS))


async def test_what_works_is_kept_after_one_answer(world, ether, gateway, node):
    factors = []

    def note(event):
        if isinstance(event, Transmission) and event.transmitter == "node":
            factors.append(event.modulation.sf)

    ether.on_event(note)
    await node.provision(QUIET)
    await world.run_for(200)
    gateway.orders.append(order(6, spreading_factor=9))
    assert await world.run_until(lambda: "settings confirmed" in node.printed(), 200)
    assert factors[-1] == 9
    assert told(gateway, codes.STATUS_SETTINGS_VERSION)[-1] == 6
    gateway.silent = True
    node.board.power_off()
    node.board.power_on()
    await world.run_for(1800)
    assert "settings put back" not in node.printed()
    gateway.silent = False
    await world.run_for(400)
    assert factors[-1] == 9
    whole(gateway)


async def test_a_link_that_the_node_does_not_have_is_refused(world, gateway, node):
    await node.provision(QUIET)
    await world.run_for(200)
    gateway.orders.append(order(6, link=2))
    assert await world.run_until(lambda: "settings refused: link: 2 needs" in node.printed(), 400)
    heard = len(gateway.reports)
    await world.run_for(600)
    assert len(gateway.reports) >= heard + 4
    assert 6 not in told(gateway, codes.STATUS_SETTINGS_VERSION)
    await node.enter()
    await node.ask("set link 2")
    end, _ = await node.say("save")
    assert end == "error: link: 2 needs a board with WiFi, wifi_ssid and broker_host"
    await node.ask("set wifi_ssid town")
    await node.ask("set broker_host gateway.lan")
    await node.ask("save")
    await node.ask("clear wifi_ssid")
    end, _ = await node.say("save")
    assert end.startswith("error: link: 2 needs")


async def test_a_wifi_that_is_not_there_is_put_back(world, gateway, node):
    await node.provision(QUIET | {"link": 1, "wifi_ssid": "nowhere", "broker_host": "gateway.lan"})
    await world.run_for(200)
    gateway.orders.append(order(6, link=2))
    assert await world.run_until(lambda: "settings put back" in node.printed(), 3600)
    heard = len(gateway.reports)
    await world.run_for(400)
    assert len(gateway.reports) >= heard + 2
    assert any(faults & PUT_BACK for faults in told(gateway, codes.STATUS_FAULTS))
    whole(gateway)
