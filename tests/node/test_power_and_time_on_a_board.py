"""Power cuts and the time line of a node over LoRa: nothing lost, no number and no second given twice."""

import itertools
import random

import pytest

from lyhord_rig import State
from lyhord_rig.radio.model import Transmission
from lyhord_wire.frame import KIND_ABOUT
from tests.node.bin_node import BIN, deliver, whole


async def test_without_a_clock_the_time_is_asked_for_first_and_ages_are_told_once(
    world, ether, gateway, node
):
    starts = []

    def note(event):
        if isinstance(event, Transmission) and event.transmitter == "node":
            starts.append(event.data)

    ether.on_event(note)
    gateway.silent = True
    await node.provision(BIN)
    await world.run_for(600)
    # Who it is, twice; then the samples, which would be too old by seconds in a second try.
    assert starts[0] == starts[1] and len(set(starts[2:])) == len(starts[2:]) >= 3
    assert gateway.frames[0].kind == KIND_ABOUT and gateway.reports[0].time < 0
    gateway.silent = False
    node.board.power_off()
    node.board.power_on()
    heard = len(gateway.reports)
    await world.run_for(300)
    assert len(gateway.reports) >= heard + 2 and min(report.time for report in gateway.reports[heard:]) > 0
    whole(gateway)


async def test_power_cuts_at_flash_writes_repeat_no_number_and_lose_nothing_kept(world, gateway, node):
    seed = 20
    print("seed", seed)
    chance = random.Random(seed)
    await node.provision(BIN | {"sample_period": 20, "report_period": 40})
    for _ in range(15):
        node.board.cut_after_writes(chance.randint(1, 40))
        await world.run_until(lambda: node.board.state is State.OFF, 400)
        assert node.board.state is State.OFF
        node.board.power_on()
        await world.run_for(chance.uniform(5, 100))
    status = await deliver(node)
    assert whole(gateway) == int(status["next_sample"])  # `hear` holds that no counter is used twice
    assert status["dropped"] == "0"
    assert node.board.events.power_cuts == 15


async def test_power_cuts_at_any_moment(world, gateway, node):
    seed = 21
    print("seed", seed)
    chance = random.Random(seed)
    await node.provision(BIN | {"sample_period": 20, "report_period": 40})
    for _ in range(15):
        await world.run_for(chance.uniform(0.2, 70))
        node.board.power_off()
        await world.run_for(chance.uniform(0.1, 200))
        node.board.power_on()
    await world.run_for(60)
    status = await deliver(node)
    assert whole(gateway) == int(status["next_sample"])
    # Where the clock was not set in between, times are estimates; their order is not.
    times = [gateway.samples[number][0] for number in range(len(gateway.samples))]
    assert all(after > before for before, after in itertools.pairwise(times))
    assert world.start_unix <= times[0] and times[-1] <= world.unix_us() // 1_000_000 + 1


@pytest.mark.parametrize("fast_s", [13, 20])  # the same second; the wrong order
async def test_a_moment_without_power_after_a_clock_that_was_fast(fast_s, world, gateway, node):
    gateway.fast_s = fast_s
    await node.provision(BIN | {"sample_period": 10, "report_period": 40})
    await world.run_for(60)
    gateway.fast_s = 0
    await node.board.expect(rb"sample \d+ \{", 60)
    node.board.power_off()
    await world.run_for(0.1)
    node.board.power_on()
    await world.run_for(60)
    whole(gateway)
    times = [gateway.samples[number][0] for number in sorted(gateway.samples)]
    assert all(after > before for before, after in itertools.pairwise(times)), times
    assert -1 <= world.unix_us() // 1_000_000 - times[-1] <= 60  # true again


async def test_samples_out_of_turn_have_seconds_of_their_own(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(100)
    await node.enter()
    for _ in range(4):
        await node.ask("sample")
    await deliver(node)
    whole(gateway)
    times = [gateway.samples[number][0] for number in sorted(gateway.samples)]
    assert all(after > before for before, after in itertools.pairwise(times)), times


# What the release before has left in the RTC memory: other fields in another order.
FORMER_STATE = bytes.fromhex(
    "4c590c00000005000001000000000030d35d8001386d4381386d57d0386d5834386d5834000000000000000700000000"
    "0000000000000000000000000003000000000000000000000000000000000000c80ed800000000000000090000000000"
    "0000000000000000000000800000000000000000000000000000000000000001010000000a0000000000000000000000"
    "0000090000000000000000000000c7ff3369"
)


async def test_a_state_of_the_former_release_costs_no_sample_and_repeats_no_number(world, gateway, node):
    """An update over the cable: the flash keeps log and counters, the RTC memory what the old one wrote."""
    await node.provision(BIN)
    await world.run_for(700)
    before, boots = whole(gateway), node.board.events.boots
    assert before >= 5 and node.board.chip.rtc_memory[:2] == FORMER_STATE[:2]
    assert node.board.chip.rtc_memory[2] != FORMER_STATE[2], "the layout has changed: its number has to"
    await world.run_until(lambda: node.board.state is State.ASLEEP, 100)
    node.board.chip.rtc_memory = FORMER_STATE
    node.board.reset()
    await world.run_for(700)
    assert node.board.events.boots > boots and node.board.crash_reports == []
    status = await deliver(node)
    assert whole(gateway) == int(status["next_sample"]) >= before + 5  # `hear`: no counter is used twice
