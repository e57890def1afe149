"""Hostile air and radio at a LoRa node: it measures on, and no wait of it is without end."""

import pytest

from lyhord_rig.radio.model import Modulation, Transmission
from lyhord_rig.radio.sx1276 import Fault
from lyhord_wire import codes
from lyhord_wire.lora import RX1_DELAY_US, RX2_DELAY_US, RX2_FREQ_HZ, RX2_SF
from tests.node.bin_node import BIN, whole

EAGER = {"ack_every": 1, "sample_period": 60, "report_period": 60}


@pytest.mark.parametrize("size", [1, 60])
async def test_strangers_frames_in_both_windows_cost_answers_and_no_sample(world, ether, gateway, node, size):
    stranger = ether.attach((42, 0), "stranger")
    speaking = True

    def note(event):
        if not speaking or not isinstance(event, Transmission) or event.transmitter != "node":
            return
        end_us = event.end_us
        heard = event.modulation
        for freq_hz, sf, delay_us in (
            (heard.freq_hz, heard.sf, RX1_DELAY_US),
            (RX2_FREQ_HZ, RX2_SF, RX2_DELAY_US),
        ):
            tuning = Modulation(freq_hz, sf, inverted=True, crc=False)
            world.call_at(end_us + delay_us, speak, tuning)

    def speak(tuning):
        stranger.idle()
        stranger.transmit(tuning, 14.0, bytes(size))

    gateway.silent = True  # or it would win now and then
    await node.provision(BIN | EAGER)
    ether.on_event(note)
    await world.run_for(480)
    assert node.samples_taken >= 7
    assert node.printed().count("report: no answer") >= 3
    gateway.silent = speaking = False
    await world.run_for(240)
    assert whole(gateway) >= node.samples_taken - 2


@pytest.mark.parametrize(
    "fault", [Fault.STUCK_TX, Fault.FLOATING, Fault.GROUNDED], ids=lambda fault: fault.name
)
async def test_a_radio_that_fails_in_service_costs_no_sample_and_comes_back(world, gateway, node, fault):
    await node.provision(BIN | EAGER)
    await world.run_for(300)
    node.radio.fault = fault
    before = node.samples_taken
    await world.run_for(600)
    assert node.samples_taken - before >= 9
    assert "link down: radio: " in node.printed()
    node.radio.fault = None
    await world.run_for(300)
    assert whole(gateway) >= node.samples_taken - 3
    assert any(status.get(codes.STATUS_FAULTS, 0) & codes.FAULT_RADIO for status in gateway.statuses)
