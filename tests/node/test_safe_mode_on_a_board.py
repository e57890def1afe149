"""A node whose starts come to no end: it rests, tells, tries, and goes back to work when it can."""

import pytest
from littlefs import LittleFS

from lyhord_rig import State
from lyhord_wire import codes
from tests.node.bin_node import BIN, BinNode, whole

SAFE = codes.FAULT_SAFE_MODE


def faults(gateway):
    return [status[codes.STATUS_FAULTS] for status in gateway.statuses if codes.STATUS_FAULTS in status]


async def brown_outs(world, node, count):
    """The power goes before a cycle is over, again and again."""
    for _ in range(count):
        node.board.power_off()
        node.board.power_on()
        await world.run_for(2)


async def test_brown_outs_in_a_row_end_in_safe_mode_and_a_good_cycle_ends_that(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(300)
    kept = len(gateway.samples)
    await brown_outs(world, node, 7)
    began = world.now_us
    assert await world.run_until(lambda: "Safe mode: 6 starts came to no end" in node.printed(), 10)
    # Ten minutes of rest, a start for WiFi, which is not set up here, ten minutes of rest, a trial.
    assert await world.run_until(lambda: len(gateway.samples) > kept, 2000)
    assert 1200e6 < world.now_us - began < 1500e6
    await world.run_for(600)
    whole(gateway)
    # Over LoRa as well it is told, and that it is over.
    assert SAFE in faults(gateway) and faults(gateway)[-1] == 0
    await node.enter()
    assert (await node.ask("status"))["mode"] == "normal"


async def test_the_console_says_so_and_exit_ends_it(world, gateway, node):
    await node.provision(BIN)
    await brown_outs(world, node, 7)
    await node.enter()
    status = await node.ask("status")
    assert status["mode"] == "safe, 6 starts came to no end" and status["faults"] == "safe_mode"
    await node.ask("exit")
    await world.run_for(600)
    whole(gateway)
    await node.enter()
    assert (await node.ask("status"))["mode"] == "normal"


async def test_an_installer_who_resets_it_often_is_no_boot_loop(world, node):
    await node.provision(BIN)
    for _ in range(10):
        await node.enter()
        assert (await node.ask("status"))["mode"] == "normal"


@pytest.fixture
def broken_image(node_image, tmp_path):
    """A node whose code fails while nothing comes back to its ranger: crashes at 0xC, hangs else."""

    def make(failure):
        fs = LittleFS(block_size=4096, block_count=512, mount=False, disk_version=0x00020000)
        fs.context.buffer = bytearray(node_image.read_bytes())
        fs.mount()
        fs.remove("/lib/lyhord_node/alarms.mpy")
        with fs.open("/lib/lyhord_node/alarms.py", "w") as file:
            file.write(
                f"import time\ndef judge(_, values, *more):\n    if values[2] is None:\n        {failure}\n"
            )
        fs.unmount()
        broken = tmp_path / "broken.img"
        broken.write_bytes(bytes(fs.context.buffer))
        return broken

    return make


@pytest.mark.parametrize("failure", ["1 // 0", "while True: time.sleep(1)"], ids=["crash", "hang"])
async def test_code_that_crashes_or_hangs_rests_longer_and_longer_and_recovers(
    world, ether, gateway, broken_image, tmp_path, failure
):
    node = BinNode(world, broken_image(failure), tmp_path / "node", ether)
    await node.provision(BIN)
    await world.run_for(300)
    node.distance_mm = None
    boots = node.board.events.boots
    await world.run_for(6 * 3600)
    assert node.board.events.boots - boots < 30
    assert await world.run_until(lambda: node.board.state is State.ASLEEP, 300)
    node.distance_mm = 800
    await world.run_for(3 * 3600)
    whole(gateway)
    assert faults(gateway)[-1] == 0 and SAFE in faults(gateway)
    if failure.startswith("while"):
        assert node.board.events.watchdog_resets >= 6
    assert node.board.events.crashes == 0
