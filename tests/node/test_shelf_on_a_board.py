"""The shelf, the factory reset, and changes that are not saved, through the console of a node on a board."""

import random

import pytest

from lyhord_rig import State
from tests.node.bin_node import BIN, KEY, NODE, deliver, whole

DAY_S = 86_400


async def provision_for_the_shelf(node, settings=BIN):
    await node.enter()
    for name, value in settings.items():
        await node.ask(f"set {name} {value}")
    await node.ask("save")
    await node.ask("shelf")
    await node.ask(f"provision {NODE:06x} {KEY.hex()} 0")


async def asleep(world, node):
    assert await world.run_until(lambda: node.board.state is State.ASLEEP, 60)


async def test_on_the_shelf_a_node_sleeps_keeps_nothing_and_sends_nothing(world, gateway, node):
    await provision_for_the_shelf(node)
    assert (await node.ask("status"))["shelf"] == "yes"
    assert "distance" in await node.ask("measure")
    assert (await node.say("sample"))[0].startswith("error: on the shelf")
    await node.ask("exit")
    await asleep(world, node)
    wakes = node.board.events.wakes
    await world.run_for(2 * DAY_S)
    assert node.board.state is State.ASLEEP and node.board.events.wakes <= wakes + 1
    for _ in range(10):  # the box falls, the battery is moved: starts that come to nothing
        node.board.power_off()
        node.board.power_on()
        await asleep(world, node)
    assert node.samples_taken == 0 and not gateway.frames and "Safe mode" not in node.printed()


async def test_start_leaves_the_shelf_for_good(world, gateway, node):
    await provision_for_the_shelf(node)
    await node.ask("exit")
    await asleep(world, node)
    await node.enter()
    await node.ask("start")
    await world.run_for(600)
    node.board.power_off()
    node.board.power_on()
    await world.run_for(600)
    assert (await deliver(node))["shelf"] == "no"
    assert whole(gateway) >= 15


async def test_a_crash_on_the_shelf_is_no_way_off_it(world, gateway, node):
    await provision_for_the_shelf(node)
    await world.run_for(700)  # idle: it sleeps a second and wakes as after a cycle
    await asleep(world, node)
    await world.run_for(DAY_S)
    assert node.samples_taken == 0 and not gateway.frames


async def test_who_leaves_with_unsaved_changes_is_told(node):
    await node.provision(BIN)
    await node.enter()
    await node.ask("set empty_distance 900")
    for line in ("exit", "restart", "start"):
        assert (await node.say(line))[0] == "error: 1 changes are not saved; save, or discard them"
    await node.ask("set full_distance 950")
    assert (await node.say("check"))[0] == "error: full_distance: expected less than empty_distance, 900"
    await node.ask("discard")
    await node.ask("check")
    assert (await node.ask("get empty_distance"))["empty_distance"] == "1200 mm"
    await node.ask("exit")


async def test_the_board_says_which_one_it_is(node):
    await node.enter()
    told = await node.ask("version")
    assert told["app"] == "node" and told["mac"] == node.board.chip.unique_id.hex()


OLD_LIFE = BIN | {"wifi_ssid": "Kommun", "wifi_password": "Gehe1mnis", "latitude": "59.195"}


async def test_a_factory_reset_forgets_the_old_life_and_repeats_no_number(world, gateway, node):
    await node.provision(OLD_LIFE)
    await world.run_for(600)
    before = await deliver(node)
    sent = len(gateway.frames)
    end, lines = await node.say("factory-reset")
    assert end == "error: to do it: factory-reset yes" and "identity" not in lines[-1]
    await node.ask("factory-reset yes")
    await node.enter()
    status, shown = await node.ask("status"), await node.ask("get")
    assert (status["id"], status["name"], status["kept"]) == ("000a01", "", "0")
    assert shown["wifi_password"] == "(not set)" and shown["latitude"] == ""
    assert shown["empty_distance"] == "0 mm"
    assert int(status["next_sample"]) >= int(before["next_sample"])
    for name, value in BIN.items():
        await node.ask(f"set {name} {value}")
    await node.ask("save")
    await node.ask("exit")
    await world.run_for(600)
    assert len(gateway.frames) > sent  # `hear` holds that no counter is used twice
    assert min(gateway.samples) == 0 and max(gateway.samples) >= int(status["next_sample"]) + 5


async def test_a_factory_reset_of_all_makes_it_nobody(node):
    await node.provision(OLD_LIFE)
    await node.enter()
    await node.ask("sample")
    assert (await node.say("factory-reset all"))[0] == "error: to do it: factory-reset all yes"
    end, _ = await node.say("factory-reset all yes")
    assert end == "error: 1 samples are kept; send them first, or: factory-reset all yes discard"
    await node.ask("factory-reset all yes discard")
    await node.enter()
    status = await node.ask("status")
    assert (status["id"], status["kept"], status["shelf"]) == ("none", "0", "no")


@pytest.mark.parametrize("first", range(1, 40, 3))
async def test_a_power_cut_in_a_factory_reset_is_finished_by_the_next_start(node, first):
    await node.provision(OLD_LIFE)
    await node.enter()
    await node.ask("sample")
    node.board.cut_after_writes(first)
    await node.board.type("factory-reset all yes discard\n")
    await node.world.run_until(lambda: node.board.state is State.OFF, 5)
    node.board.cut_after_writes(None)
    for _ in range(3):
        await node.enter()
        status = await node.ask("status")
    shown = await node.ask("get")
    gone = status["id"] == "none"
    assert gone == (shown["wifi_password"] == "(not set)") == (shown["name"] == "") == (status["kept"] == "0")


async def test_a_power_cut_at_any_change_of_a_save_keeps_all_or_nothing(node):
    seed = 31
    print("seed", seed)
    chance = random.Random(seed)
    await node.enter()
    both = set()
    old = {"name": "Old", "broker_host": "old", "empty_distance": "900", "full_distance": "100"}
    new = {"name": "New", "broker_host": "new", "empty_distance": "1200", "full_distance": "200"}
    for at in [*range(1, 16), *[chance.randint(1, 16) for _ in range(5)]]:
        for name, value in old.items():
            await node.ask(f"set {name} {value}")
        await node.ask("save")
        for name, value in new.items():
            await node.ask(f"set {name} {value}")
        node.board.cut_after_writes(at)
        await node.board.type("save\n")
        await node.world.run_until(lambda: node.board.state is State.OFF, 5)
        node.board.cut_after_writes(None)
        node.board.power_off()
        await node.enter()
        shown = await node.ask("get")
        found = {name: shown[name].removesuffix(" mm") for name in new}
        assert found in (old, new), at
        both.add(found == new)
    assert both == {True, False}, "the cuts came before the point of no return, and after it"


async def test_a_space_before_a_command_shows_no_secret(node):
    await node.enter()
    await node.ask("  set  wifi_password Gehe1mnis")
    await node.ask(f"  provision {NODE:06x} {KEY.hex()} 0")
    assert "Gehe1mnis" not in node.printed() and KEY.hex() not in node.printed()
