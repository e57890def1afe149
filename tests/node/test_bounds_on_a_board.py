"""Numbers in a downlink under the node's own key that cannot be: refused, counted, and the node works on."""

import pytest

from lyhord_wire import codes, instructions
from tests.node.bin_node import BIN, whole
from tests.sweep import sampled

EVERY_MINUTE = BIN | {"sample_period": 60, "report_period": 120, "ack_every": 1}
U32 = 0xFFFFFFFF
I32 = 0x7FFFFFFF

ABSURD = {
    "stored": {instructions.STORED: (1 << 31) + 1},
    "stored, the most that the schema takes": {instructions.STORED: U32 + 1},
    "stored, the most that NVS takes": {instructions.STORED: I32},
    "stored, just under that": {instructions.STORED: I32 - 256},
    "stored, the end of all numbers": {instructions.STORED: codes.SAMPLE_NUMBERS},
    "send again": {instructions.AGAIN: [U32, U32]},
    "send again, everything": {instructions.AGAIN: [0, U32]},
    "send again, behind the end": {instructions.AGAIN: [(1 << 31) + 1, 1]},
    "time": {instructions.TIME: U32},
    "time, none": {instructions.TIME: 0},
    "command": {instructions.COMMAND: [I32, -I32, I32]},
    "blink": {instructions.COMMAND: [codes.COMMAND_BLINK, -I32]},
    "settings": {instructions.SETTINGS: {255: I32, 1: -I32}, instructions.SETTINGS_VERSION: U32},
    "settings version": {instructions.SETTINGS: {codes.FULL_ALARM: 80}, instructions.SETTINGS_VERSION: U32},
}


@pytest.mark.parametrize("orders", sampled(ABSURD, "stored", "time", "settings"))
async def test_the_node_measures_and_reports_on_through_a_power_cut(orders, world, gateway, node):
    await node.provision(EVERY_MINUTE)
    await world.run_for(200)
    honest = gateway.answer

    def answer(uplink):
        # What was answered last, and nothing truer beside it.
        gateway.stored = lambda: orders.get(instructions.STORED, 0)
        if instructions.TIME in orders:
            gateway.time = lambda: orders[instructions.TIME]
        gateway.orders = [dict(orders)]
        return honest(uplink)

    gateway.answer = answer
    await world.run_for(300)
    gateway.answer = honest
    gateway.orders = []
    del gateway.stored
    if instructions.TIME in orders:
        del gateway.time
    node.board.power_off()
    await world.run_for(5)
    node.board.power_on()
    before, heard = node.samples_taken, len(gateway.samples)
    await world.run_for(900)
    assert 13 <= node.samples_taken - before <= 17
    assert len(gateway.samples) - heard >= 12
    whole(gateway)
