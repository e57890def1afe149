"""A node whose starts come to no end: it rests, tells, tries, and goes back to work when it can."""

import itertools

import pytest
from littlefs import LittleFS

from boards import devkit_rfm95 as pins
from lyhord_rig import State
from lyhord_wire import codes
from tests.node.bin_node import BIN, BinNode, whole
from tests.sweep import sampled

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


async def test_an_alarm_that_nobody_hears_is_told_less_and_less_often_in_safe_mode(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(300)
    gateway.silent = True
    await brown_outs(world, node, 7)
    assert await world.run_until(lambda: "Safe mode: 6 starts came to no end" in node.printed(), 10)
    node.temperature_dc = 900
    told = node.printed().count("report: ")
    await world.run_for(560)
    assert 3 <= node.printed().count("report: ") - told <= 7  # once a minute it would be ten


async def test_safe_mode_measures_and_keeps_at_its_period_and_tells_a_fire(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(300)
    await brown_outs(world, node, 7)
    assert await world.run_until(lambda: "Safe mode: 6 starts came to no end" in node.printed(), 10)
    before, heard = node.samples_taken, len(gateway.reports)
    await world.run_for(540)
    assert 8 <= node.samples_taken - before <= 10
    assert len(gateway.reports) == heard  # LoRa is for the trial, and for alarms
    node.temperature_dc = 900
    assert await world.run_until(
        lambda: any(codes.ALARM_FIRE in (report.alarms or ()) for report in gateway.reports), 90
    )
    await world.run_for(1500)
    whole(gateway)
    times = [gateway.samples[number][0] for number in sorted(gateway.samples)[-20:]]
    assert max(after - before for before, after in itertools.pairwise(times)) <= 62


async def test_a_brown_out_by_the_sensors_lets_safe_mode_rest(world, gateway, node):
    await node.provision(BIN)
    await brown_outs(world, node, 7)
    assert await world.run_until(lambda: "Safe mode: 6 starts came to no end" in node.printed(), 10)
    boots, before = node.board.events.boots, node.samples_taken
    weak = []

    def pinged(*_):
        if len(weak) < 12:
            weak.append(world.now_us)
            node.board.power_off()
            world.call_at(world.now_us + 100_000, node.board.power_on)

    node.board.ports.output(pins.SENSOR_POWER, pinged)
    await world.run_for(3600)
    assert weak and node.board.events.boots - boots <= 30 and node.samples_taken >= before


SILENT_LINKS = {
    "crash": "1 // 0",
    "hang": "while True: time.sleep(1)",
    "no memory": "bytearray(1 << 30)",
    "bad storage": "raise OSError(5)",
}


@pytest.mark.parametrize("failure", sampled(SILENT_LINKS, "hang", "no memory"))
async def test_whatever_a_link_does_the_node_measures_at_its_period(
    world, ether, gateway, changed_image, tmp_path, failure
):
    link = (
        "import time\nclass LoraLink:\n    fault = 4\n    frame_max = 64\n    always_ack = False\n"
        "    rounds = 4\n    def __init__(self, *more): pass\n    def close(self): pass\n"
        f"    def open(self):\n        {failure}\n"
    )
    node = BinNode(world, changed_image({"lora_link": link}), tmp_path / "node", ether)
    await node.provision(BIN | {"report_period": 600})
    await world.run_for(100)
    before = node.samples_taken
    await world.run_for(3600)
    assert 55 - 12 * (failure.startswith("while")) <= node.samples_taken - before <= 62
    await node.enter()
    assert (await node.ask("status"))["mode"] == "normal"
    assert int((await node.ask("status"))["kept"]) >= 40


async def test_an_installer_who_resets_it_often_is_no_boot_loop(world, node):
    await node.provision(BIN)
    for _ in range(10):
        await node.enter()
        assert (await node.ask("status"))["mode"] == "normal"


@pytest.fixture
def changed_image(node_image, tmp_path):
    """A node with other sources for some of its modules."""

    def make(modules):
        fs = LittleFS(block_size=4096, block_count=512, mount=False, disk_version=0x00020000)
        fs.context.buffer = bytearray(node_image.read_bytes())
        fs.mount()
        for name, source in modules.items():
            fs.remove(f"/lib/lyhord_node/{name}.mpy")
            with fs.open(f"/lib/lyhord_node/{name}.py", "w") as file:
                file.write(source)
        fs.unmount()
        broken = tmp_path / "broken.img"
        broken.write_bytes(bytes(fs.context.buffer))
        return broken

    return make


@pytest.fixture
def broken_image(changed_image):
    """A node whose code fails while nothing comes back to its ranger."""

    def make(failure):
        judge = f"import time\ndef judge(_, values, *more):\n    if values[2] is None:\n        {failure}\n"
        return changed_image({"alarms": judge})

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
    assert faults(gateway)[-1] == 0 and any(bits & SAFE for bits in faults(gateway))
    if failure.startswith("while"):
        assert node.board.events.watchdog_resets >= 6
    assert node.board.events.crashes == 0
