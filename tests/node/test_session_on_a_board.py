"""One console session over both links, in any order, and what it keeps over a fresh start."""

import pytest

from lyhord_rig import AccessPoint
from lyhord_rig.measuring.budget import read_budget
from lyhord_wire.tables import SETTINGS
from tests.fakes.mqtt_gateway import IndoorGateway
from tests.node.bin_node import BIN, KEY, BinNode
from tests.sweep import beyond

WIFI = {"wifi_ssid": "town", "wifi_password": "a long secret", "broker_host": "gateway.lan"}
NO_REPORTS = {"report_period": 86400, "sample_period": 10}


@pytest.fixture
def indoors(world, gateway):
    """The same gateway, over WiFi: it knows what came over LoRa, and the other way round."""
    made = IndoorGateway(world, KEY)
    made.samples = gateway.samples
    return made


@pytest.fixture
def access_point(world, indoors):
    return AccessPoint(world, "town", "a long secret", {"gateway.lan": indoors.server})


async def at_the_console(world, node, settings, backlog_s):
    await node.provision(BIN | NO_REPORTS | WIFI | settings)
    await world.run_for(backlog_s)
    await node.enter()


def held_its_blocks(node):
    """The largest free block never was smaller than the budget says; forget what was measured."""
    least = min(node.board.chip.largest_blocks)
    assert least >= read_budget().free_block_bytes_min, least


async def send(node, expected="ok"):
    end, lines = await node.say("send", 600)
    assert end == expected, (end, lines)
    return lines


@pytest.mark.parametrize(
    "links",
    ["1212", "2121", "1122112", "2211221"],
    ids=["lora wifi", "wifi lora", "lora twice, wifi twice", "wifi twice, lora twice"],
)
@pytest.mark.parametrize("backlog_s", [30, *beyond(900)], ids=["few", "many"])
async def test_deliveries_over_either_link_in_any_order_in_one_session(
    world, gateway, indoors, access_point, node, links, backlog_s
):
    await at_the_console(world, node, {}, backlog_s)
    for link in links:
        await node.ask(f"set link {link}")
        await node.ask("save")
        await node.ask("sample")
        lines = await send(node)
        assert lines[-1].endswith("left: 0") and not lines[-1].startswith("sent: 0"), lines
    status = await node.ask("status")
    assert status["kept"] == "0" and len(gateway.samples) == int(status["next_sample"])
    assert gateway.reports and indoors.reports
    held_its_blocks(node)


async def test_sends_while_both_links_are_down_and_when_one_comes_back(
    world, gateway, indoors, access_point, node_image, tmp_path
):
    node = BinNode(world, node_image, tmp_path / "deaf")  # no radio is wired to it
    access_point.switch(False)
    await at_the_console(world, node, {"link": 0}, 300)
    for down in ("wifi", "radio", "wifi", "radio"):
        end, lines = await node.say("send", 600)
        assert end.startswith("error: ") and lines[0].startswith(f"link down: {down}"), (end, lines)
    assert "error: link down, see above; send again takes the other link" in node.printed()
    access_point.switch(True)
    await send(node)
    assert indoors.reports and "Traceback" not in node.printed()
    held_its_blocks(node)


async def test_a_gateway_that_is_silent_over_one_link_is_reached_over_the_other(
    world, gateway, indoors, access_point, node
):
    indoors.silent = True
    await at_the_console(world, node, {"link": 0}, 300)
    for _ in range(2):
        await node.ask("sample")
        end, _ = await node.say("send", 600)
        assert end.startswith("error: no answer, ")
        await send(node)
    held_its_blocks(node)


async def test_what_was_set_and_the_cause_of_the_last_start_outlive_a_delivery(
    world, gateway, indoors, access_point, node
):
    await at_the_console(world, node, {"link": 2}, 30)
    await node.ask("set name Södra torget 3")
    await node.ask("set wifi_password two  spaces")
    await node.ask("set sample_period 77")
    cause = (await node.ask("status"))["reset_cause"]
    await send(node)
    shown = await node.ask("get")
    assert shown["name"] == "Södra torget 3 (not saved)"
    assert shown["wifi_password"] == "(set) (not saved)"
    assert shown["sample_period"] == "77 s (not saved)"
    assert (await node.ask("status"))["reset_cause"] == cause == "power_on"
    await node.ask("save")
    assert (await node.ask("get sample_period"))["sample_period"] == "77 s"
    assert "two  spaces" not in node.printed()


async def test_more_changes_than_a_delivery_can_keep_are_refused_and_none_is_lost(
    world, gateway, indoors, access_point, node
):
    await at_the_console(world, node, {"link": 2}, 30)
    for name, size in (("wifi_ssid", 32), ("wifi_password", 63), ("broker_host", 64)):
        await node.ask(f"set {name} {'x' * size}")
    for name in ("broker_user", "broker_password"):
        await node.ask(f"set {name} {'ö' * 32}")
    for setting in SETTINGS.values():
        await node.ask(f"set {setting.name} {setting.high}")
    for name in ("latitude", "longitude"):
        await node.ask(f"set {name} 59.123456")
    await send(node, "error: too many changes for another start; save or clear them first")
    assert (await node.ask("get broker_user"))["broker_user"] == "ö" * 32 + " (not saved)"


async def test_a_power_cut_in_a_delivery_ends_the_session(world, gateway, indoors, access_point, node):
    await at_the_console(world, node, {"link": 2}, 30)
    boots = node.board.events.boots
    await node.board.type("send\n")
    assert await world.run_until(lambda: node.board.events.boots > boots, 5)
    node.board.power_off()
    node.board.power_on()
    await node.board.expect(rb"Press Enter for the console", 5)
    assert await world.run_until(lambda: "sleep" in node.board.serial_lines()[-1], 20)
