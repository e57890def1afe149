"""The gateway's instructions to a node on a virtual board over LoRa: settings and commands."""

from lyhord_wire import codes, instructions
from tests.node.bin_node import BIN, whole


async def test_settings_by_downlink(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(200)
    gateway.orders.append(
        {
            instructions.SETTINGS: {codes.SAMPLE_PERIOD: 30, codes.ACK_EVERY: 1},
            instructions.SETTINGS_VERSION: 5,
        }
    )
    await world.run_for(400)
    assert gateway.statuses[-1][codes.STATUS_SETTINGS_VERSION] == 5
    heard = len(gateway.statuses)
    gateway.orders.append(
        {
            instructions.SETTINGS: {codes.SAMPLE_PERIOD: 31, codes.SPREADING_FACTOR: 13},
            instructions.SETTINGS_VERSION: 6,
        }
    )
    await world.run_for(600)
    assert len(gateway.statuses) > heard
    assert gateway.statuses[-1][codes.STATUS_SETTINGS_VERSION] == 5
    assert "settings refused: spreading_factor: expected 7...12" in node.printed()
    await node.enter()
    shown = await node.ask("get")
    assert (shown["sample_period"], shown["spreading_factor"]) == ("30 s", "7")
    assert (await node.ask("status"))["settings_version"] == "5"


async def test_a_shorter_period_counts_at_once_and_not_when_the_old_one_is_over(world, gateway, node):
    await node.provision(BIN | {"sample_period": 7200, "report_period": 14_400, "ack_every": 1})
    await world.run_for(8000)
    gateway.orders.append(
        {instructions.SETTINGS: {codes.SAMPLE_PERIOD: 60}, instructions.SETTINGS_VERSION: 5}
    )
    assert await world.run_until(lambda: not gateway.orders, 20_000)
    before = node.samples_taken
    await world.run_for(600)
    assert node.samples_taken - before >= 8


async def test_settings_that_have_rotted_are_replaced_by_the_last_good_ones(world, gateway, node):
    await node.provision(BIN)
    for version, period in ((5, 30), (6, 40)):
        wanted = {codes.SAMPLE_PERIOD: period, codes.ACK_EVERY: 1}
        gateway.orders.append({instructions.SETTINGS: wanted, instructions.SETTINGS_VERSION: version})
        await world.run_for(400)
    for rotten, version, period in (("settings", 5, "30 s"), ("settings_old", 0, "900 s")):
        node.board.power_off()
        node.board.chip.nvs.rot("lyhord", rotten)
        heard = len(gateway.statuses)
        await node.enter()
        assert (await node.ask("get"))["sample_period"] == period
        await node.ask("exit")
        # The gateway sees by the version that it is to send its settings again.
        assert await world.run_until(lambda: len(gateway.statuses) > heard, 600)  # noqa: B023
        assert gateway.statuses[-1][codes.STATUS_SETTINGS_VERSION] == version
    gateway.orders.append({instructions.SETTINGS: wanted, instructions.SETTINGS_VERSION: 6})
    assert await world.run_until(lambda: gateway.statuses[-1][codes.STATUS_SETTINGS_VERSION] == 6, 18_000)
    node.board.power_off()
    await node.enter()
    assert (await node.ask("get"))["sample_period"] == "40 s"
    whole(gateway)


async def test_commands_by_downlink(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(300)
    gateway.abouts.clear()
    gateway.orders += [
        {instructions.COMMAND: [codes.COMMAND_SEND_ABOUT]},
        {instructions.COMMAND: [codes.COMMAND_BLINK, 2]},
        {instructions.COMMAND: [codes.COMMAND_REPORT_NOW]},
    ]
    heard = len(gateway.statuses)
    await world.run_for(300)
    assert gateway.abouts and len(gateway.statuses) > heard
    assert not gateway.orders
    boots = node.board.events.boots
    gateway.orders.append({instructions.COMMAND: [codes.COMMAND_RESTART]})
    await world.run_for(300)
    assert "restart" in node.printed() and node.board.events.boots > boots
    assert gateway.statuses[-1][codes.STATUS_RESET_CAUSE] == 1
    whole(gateway)
