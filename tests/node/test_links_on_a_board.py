"""The whole node where the air is bad: a path that changes under it, a WiFi that is away for days."""

from dataclasses import replace

import pytest

from lyhord_rig import AccessPoint
from lyhord_rig.radio.ether import Ether
from lyhord_rig.radio.model import STREET, Transmission, noise_floor_dbm
from tests.node.bin_node import BIN, whole

QUIET = {"sample_period": 60, "report_period": 60, "ack_every": 1}


@pytest.fixture
def ether(world):
    return Ether(world, path_loss=replace(STREET, shadowing_db=0.0))


@pytest.fixture
def factors(ether):
    """The spreading factor of each of the node's frames."""
    sent = []

    def note(event):
        if isinstance(event, Transmission) and event.transmitter == "node":
            sent.append(event.modulation.sf)

    ether.on_event(note)
    return sent


def hear_with(ether, snr_db):
    """Everybody hears the other with `snr_db` from now on."""
    ears = ether.antennas["node"], ether.antennas["gateway ear"]
    ether.fading_db = 0.0
    ether.fading_db = 14 - ether.link_loss_db(*ears) - noise_floor_dbm() - snr_db


async def test_the_spreading_factor_follows_the_path_and_no_sample_is_lost(
    world, ether, gateway, node, factors
):
    hear_with(ether, 9)
    await node.provision(BIN | QUIET | {"spreading_factor": 10, "fastest_sf": 7})
    await world.run_for(1300)
    assert factors == sorted(factors, reverse=True)
    assert set(factors) == {10, 9, 8, 7} and factors[-3:] == [7, 7, 7]
    # A lorry parks before the gateway: only SF10 is still heard, with 2 dB in hand.
    hear_with(ether, -13)
    parked = len(factors)
    await world.run_for(600)
    assert factors[parked : parked + 7] == [7, 7, 7, 7, 8, 8, 10]
    assert set(factors[parked + 7 :]) == {10}
    whole(gateway)
    assert gateway.twice == 0


async def test_with_settings_as_delivered_the_spreading_factor_stays(world, ether, gateway, node, factors):
    hear_with(ether, 9)
    await node.provision(BIN | QUIET | {"spreading_factor": 9})
    await world.run_for(900)
    hear_with(ether, -14)
    await world.run_for(400)
    assert set(factors) == {9}


async def test_a_wifi_that_is_away_is_asked_for_seldom_and_lora_goes_meanwhile(world, gateway, node):
    AccessPoint(world, "town", "a long secret", {}, available=False)
    await node.provision(
        BIN
        | QUIET
        | {"wifi_ssid": "town", "wifi_password": "a long secret", "broker_host": "gateway.lan", "link": 0}
    )
    await world.run_for(2400)
    reports = node.printed().count("report: done")
    assert reports >= 34 and node.printed().count("link down: wifi: not joined within 8 s") == 6
    assert node.printed().count("report: other link") == 6
    assert whole(gateway) >= 36


async def test_lora_first_leaves_a_wifi_alone_that_it_does_not_need(world, gateway, node):
    AccessPoint(world, "town", "a long secret", {})
    await node.provision(
        BIN
        | QUIET
        | {"wifi_ssid": "town", "wifi_password": "a long secret", "broker_host": "gateway.lan", "link": 3}
    )
    await world.run_for(600)
    assert whole(gateway) >= 8 and node.board.station.joins == 0
    # Nobody answers twice: the next report tries the other link, which has no broker here, and comes back.
    gateway.deaf = True
    assert await world.run_until(lambda: node.board.station.joins > 0, 400)
    assert node.printed().count("report: no answer") == 1
    gateway.deaf = False
    await world.run_for(900)
    assert whole(gateway) >= 25
