"""The serial console, as people and programs use it, and what a node does when its own code breaks."""

import random

import pytest
from littlefs import LittleFS

from lyhord_rig import State
from tests.node.bin_node import KEY, NODE, BinNode

IDLE_S = 600


@pytest.fixture
async def node(world, node_image, tmp_path):
    """A bare board: no radio, no gateway."""
    made = BinNode(world, node_image, tmp_path)
    yield made
    print(made.printed())


async def test_a_new_node_stays_in_the_console_and_then_sleeps_for_good(world, node):
    node.board.power_on()
    await node.board.expect(rb"Lyhord 1\.0\.0, not provisioned\. Press Enter for the console\.\r\n", 5)
    await world.run_for(IDLE_S - 10)
    assert node.board.state is State.BLOCKED
    assert (await node.say("version"))[0] == "ok"
    await world.run_for(IDLE_S + 10)
    assert node.board.state is State.ASLEEP
    await world.run_for(86_400)
    assert node.board.state is State.ASLEEP
    assert node.board.events.watchdog_resets == 0


async def test_a_provisioned_node_waits_three_seconds_and_goes_to_work(world, node):
    await node.provision({"sample_period": 60})
    await world.run_for(30)
    node.board.console.unread.clear()
    node.board.reset()
    await node.board.expect(rb"Lyhord 1\.0\.0, node 000a01\. Press Enter for the console\.\r\n", 5)
    began = world.now_us
    await node.board.expect(rb"sample \d+", 10)
    assert 3_000_000 <= world.now_us - began <= 5_000_000
    # Out of deep sleep nobody is asked.
    node.board.console.unread.clear()
    await world.run_for(300)
    assert b"Press Enter" not in bytes(node.board.console.unread)
    assert node.board.events.wakes >= 4


async def test_noise_on_an_open_line_keeps_nobody_from_work(world, node):
    await node.provision({"sample_period": 60})
    noise = random.Random(3)
    node.board.reset()
    began = world.now_us

    def hiss():
        node.board.serial_feed(bytes(noise.choice(b"\x00\x80\xff\xfe\xf0u\xaa") for _ in range(3)))
        if world.now_us < began + 30 * 60_000_000:
            world.call_later(200_000, hiss)

    hiss()
    assert await world.run_until(lambda: "sample" in node.printed(), 10)
    # Even where it begins with an Enter.
    node.board.console.lines.clear()
    node.board.reset()
    await node.board.expect(rb"Press Enter", 5)
    node.board.serial_feed(b"\n")
    assert await world.run_until(lambda: "sample" in node.printed(), 620)
    assert "idle: going to sleep" in node.printed() and node.board.events.watchdog_resets == 0


async def test_every_answer_ends_with_ok_or_error(node):
    await node.enter()
    for line, end in (
        ("", "ok"),
        ("help", "ok"),
        ("version", "ok"),
        ("status", "ok"),
        ("get", "ok"),
        ("get sample_period", "ok"),
        ("get nothing", "error: nothing: no such setting; get lists them"),
        ("set sample_period 9", "error: sample_period: expected 10...86400 s"),
        ("set sample_period x", "error: sample_period: expected 10...86400 s"),
        ("set spreading_factor 13", "error: spreading_factor: expected 7...12 "),
        ("set broker_port 70000", "error: broker_port: expected 1...65535"),
        ("set latitude 91", "error: latitude: expected degrees -90...90 with up to 6 decimals"),
        ("set name " + "x" * 25, "error: name: expected up to 24 bytes"),
        ("fly", "error: no command fly; try help"),
        ("exit", "error: not provisioned; use provision"),
        ("send", "error: not provisioned; use provision"),
        ("provision", "error: expected provision ID KEY GENERATION"),
        ("provision 0 " + KEY.hex() + " 0", "error: id: expected 1...ffffff"),
        ("provision 1 abc 0", "error: key: expected 32 hex digits"),
        ("provision 1 " + KEY.hex() + " 256", "error: generation: expected 0...255"),
    ):
        assert (await node.say(line))[0] == end.rstrip(), line


async def test_changes_count_after_save_all_at_once(node):
    await node.enter()
    await node.ask("set empty_distance 1200")
    await node.ask("set name Södra torget 3")
    await node.ask("set latitude 59.195")
    shown = await node.ask("get")
    assert shown["name"] == "Södra torget 3 (not saved)"
    assert shown["empty_distance"] == "1200 mm (not saved)"
    await node.enter()
    assert (await node.ask("get name"))["name"] == ""
    await node.ask("set empty_distance 1200")
    await node.ask("set full_distance 1300")
    assert (await node.say("save"))[0] == "error: full_distance: expected less than empty_distance, 1200"
    await node.ask("set full_distance 200")
    await node.ask("set name Södra torget 3")
    await node.ask("save")
    node.board.power_off()
    await node.enter()
    shown = await node.ask("get")
    assert (shown["name"], shown["full_distance"]) == ("Södra torget 3", "200 mm")
    await node.ask("clear name")
    await node.ask("save")
    assert (await node.ask("get name"))["name"] == ""


async def test_secrets_go_in_and_never_come_out(node):
    await node.enter()
    await node.ask(f"provision {NODE:06x} {KEY.hex()} 1")
    for name in ("wifi_password", "broker_password"):
        await node.ask(f"set {name} Gehe1mnis")
        assert (await node.ask(f"get {name}"))[name] == "(set) (not saved)"
    await node.ask("save")
    shown = await node.ask("get")
    assert shown["wifi_password"] == shown["broker_password"] == "(set)"
    status = await node.ask("status")
    assert (status["id"], status["generation"]) == ("000a01", "1")
    answers = [line for line in node.board.serial_lines() if not line.startswith("> ")]
    assert not [line for line in answers if "Gehe1mnis" in line or KEY.hex() in line]
    # Nor does the echo show what is secret.
    assert KEY.hex() not in node.printed() and "Gehe1mnis" not in node.printed()


async def test_a_space_at_an_end_is_meant_or_refused(node):
    await node.enter()
    for line in ("set wifi_ssid Kommun ", "set wifi_ssid  Kommun", "set wifi_password hush "):
        assert "a space at either end needs quotes" in (await node.say(line))[0]
    await node.ask('set wifi_ssid " Kommun "')
    await node.ask('set broker_password "hush "')
    await node.ask('set broker_host ""quoted""')
    await node.ask("set sample_period 60 ")
    await node.ask("save")
    shown = await node.ask("get")
    assert (shown["broker_host"], shown["sample_period"]) == ('"quoted"', "60 s")
    (kept,) = node.board.chip.nvs._durable.values()
    kept = {name: kept[name] for name in ("wifi_ssid", "broker_password", "broker_host")}
    assert kept == {"wifi_ssid": b" Kommun ", "broker_password": b"hush ", "broker_host": b'"quoted"'}


async def test_lines_may_be_edited_and_end_in_any_way(node):
    await node.enter()
    letters = "åäö\x7f\x7f\x7fversion\r\n"
    for typed in ("versiom\x08n\r\n", "rubbish\x15version\r", "vers\x7f\x7frsion\n", letters):
        node.board.console.unread.clear()
        await node.board.type(typed)
        await node.board.expect(rb"board: devkit_rfm95\r\n", 5)
        await node.board.expect(rb"\nok\r\n> ", 5)
    node.board.console.unread.clear()
    await node.board.type("x" * 5000 + "\n")
    await node.board.expect(rb"error: over 200 bytes, nothing was done\r\n", 5)
    node.board.console.unread.clear()
    node.board.serial_feed(b"\xff\xfe\x80\n")
    await node.board.expect(rb"error: no command \?; try help", 5)


async def test_measuring_keeps_nothing_and_sampling_does(node):
    await node.provision()
    await node.enter()
    before = await node.ask("status")
    values = await node.ask("measure")
    assert (values["temperature"], values["battery"], values["faults"]) == ("215", "3800", "none")
    assert abs(int(values["distance"]) - 800) <= 5
    assert values["fill_level"] == "none"  # nobody has said how deep the bin is
    assert (await node.ask("status"))["next_sample"] == before["next_sample"]
    await node.ask("sample")
    assert int((await node.ask("status"))["next_sample"]) == int(before["next_sample"]) + 1
    end, lines = await node.say("send")
    assert end.startswith("error: no link works")
    assert [line for line in lines if line.startswith("sent: 0 samples, left: ")]


async def test_a_node_whose_own_code_breaks_says_so_and_comes_again(world, node_image, tmp_path):
    fs = LittleFS(block_size=4096, block_count=512, mount=False, disk_version=0x00020000)
    fs.context.buffer = bytearray(node_image.read_bytes())
    fs.mount()
    fs.remove("/lib/lyhord_node/alarms.mpy")
    with fs.open("/lib/lyhord_node/alarms.py", "w") as file:
        file.write("def judge(*_):\n    return 1 // 0\n")
    fs.unmount()
    broken = tmp_path / "broken.img"
    broken.write_bytes(bytes(fs.context.buffer))
    node = BinNode(world, broken, tmp_path / "node")
    await node.provision({"sample_period": 60})
    await world.run_for(1200)
    assert node.printed().count("ZeroDivisionError") >= 5  # less and less often
    assert node.board.events.crashes == 0 and node.board.events.watchdog_resets == 0
    assert node.board.state is State.ASLEEP
    await node.enter()
    status = await node.ask("status")
    assert int(status["next_sample"]) >= 5  # what it could still do, it did
