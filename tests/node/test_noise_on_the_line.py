"""Bytes on an open serial line: the firmware goes on, and a prompt comes only for whoever asked for it."""

import pytest

from tests.node.bin_node import BIN, BinNode, whole
from tests.sweep import beyond


@pytest.mark.parametrize(
    "noise", [b"\x03" * 50, *beyond(b"\x03", b"\x04\x03\x01\x03\x04", b"\x00\x03\xff" * 20)]
)
async def test_a_byte_3_ends_nothing(noise, world, gateway, node):
    await node.provision(BIN | {"sample_period": 20, "report_period": 40})
    before = node.samples_taken
    for pause_s in (
        0.05,
        0.3,
        1,
        2.9,
        3.1,
        0.7,
    ) * 20:  # asleep, in the offer, while it measures, while it sends
        node.board.serial_feed(noise)
        await world.run_for(pause_s + 5)
    assert "KeyboardInterrupt" not in node.printed() and ">>>" not in node.printed()
    assert node.samples_taken - before >= 35
    whole(gateway)


@pytest.mark.parametrize("after_s", [0.24, 0.5, *beyond(0.0, 0.1, 0.26, 0.3, 1, 2)])
async def test_a_byte_3_while_it_starts_ends_nothing(after_s, world, gateway, node):
    await node.provision(BIN)
    for _ in range(3):
        node.board.power_off()
        node.board.power_on()
        await world.run_for(after_s)
        node.board.serial_feed(b"\x03")
        await world.run_for(10)
    before = node.samples_taken
    await world.run_for(200)
    assert "KeyboardInterrupt" not in node.printed() and node.samples_taken - before >= 3


async def test_at_the_console_it_clears_the_line_and_repl_is_what_ends_the_firmware(
    world, ether, gateway, node_image, tmp_path
):
    node = BinNode(world, node_image, tmp_path, ether)
    await node.provision(BIN)
    await node.enter()
    node.board.serial_feed(b"sta\x03")
    assert (await node.ask("version"))["board"] == "devkit_rfm95"
    assert (await node.say("repl"))[0] == "ok"
    assert await world.run_until(lambda: "KeyboardInterrupt" in node.printed(), 10)
    node.board.power_off()
    node.board.power_on()
    before = node.samples_taken
    await world.run_for(200)
    assert node.samples_taken > before
