"""A node whose gateway's clock is wrong, and then right: it measures and reports at its periods, whatever the
time is said to be, and a correction moves time stamps only."""

import re
from functools import lru_cache

import pytest

from lyhord_rig import State
from lyhord_wire import codes
from tests.node.bin_node import BIN, whole
from tests.sweep import beyond

HOUR = 3600
HALF = 1800  # as long as it is watched
DAY = 24 * HOUR
YEARS = 3650 * DAY
EVERY_MINUTE = BIN | {"sample_period": 60, "report_period": 120, "ack_every": 1}


@pytest.mark.parametrize("fast_s", [45, DAY, -YEARS, *beyond(HOUR, YEARS, -45, -HOUR, -DAY)])
async def test_periods_are_kept_when_the_clock_goes_wrong_and_right_again(fast_s, world, gateway, node):
    await node.provision(EVERY_MINUTE)
    await world.run_for(300)
    for wrong in (fast_s, 0):
        gateway.fast_s = wrong
        assert await world.run_until(lambda: f"clock set, {wrong or -fast_s}" in rounded(node), 400)  # noqa: B023
        before, heard = node.samples_taken, len(gateway.reports)
        await world.run_for(HALF)
        assert 28 <= node.samples_taken - before <= 32
        assert len(gateway.reports) - heard >= 12
    whole(gateway)
    newest = gateway.samples[max(gateway.samples)][0]
    assert abs(newest - world.unix_us() // 1_000_000) <= 200


def rounded(node):
    """The printed lines, with the clock's steps as they were meant; they may be a second or two off."""
    return _rounded(node.printed())


@lru_cache(maxsize=1)
def _rounded(text):
    return re.sub(r"clock set, (-?\d+) s", lambda step: f"clock set, {near(int(step[1]))} s", text)


def near(step):
    for wanted in (45, HOUR, DAY, YEARS, -45, -HOUR, -DAY, -YEARS):
        if abs(step - wanted) <= 3:
            return wanted
    return step


@pytest.mark.parametrize("fast_s", [-DAY, *beyond(DAY)])
async def test_a_fire_is_told_within_a_period_after_a_correction(fast_s, world, gateway, node):
    gateway.fast_s = fast_s
    await node.provision(EVERY_MINUTE)
    await world.run_for(600)
    gateway.fast_s = 0
    await world.run_for(300)
    node.temperature_dc = 900
    assert await world.run_until(
        lambda: any(codes.ALARM_FIRE in (report.alarms or ()) for report in gateway.reports), 90
    )


async def test_deep_sleep_and_the_console_know_no_correction(world, gateway, node):
    gateway.fast_s = DAY
    await node.provision(BIN | {"sample_period": 900, "report_period": 900, "ack_every": 1})
    await world.run_for(1000)
    gateway.fast_s = 0
    await world.run_for(2000)
    assert "clock set, -86" in node.printed()
    assert node.board.state is State.ASLEEP
    before = node.samples_taken
    await world.run_for(2 * HOUR)
    assert node.samples_taken - before == 8
    await node.enter()
    status = await node.ask("status")
    assert int(status["next_sample_in_s"]) <= 900 and int(status["next_report_in_s"]) <= 1000


@pytest.mark.parametrize("fast_s", [YEARS, *beyond(HOUR, DAY, -DAY)])
async def test_a_log_whose_newest_record_is_wrong_after_a_power_cut(fast_s, world, gateway, node):
    gateway.fast_s = fast_s
    await node.provision(EVERY_MINUTE)
    await world.run_for(600)
    gateway.fast_s = 0
    gateway.silent = True
    node.board.power_off()
    await world.run_for(50)
    node.board.power_on()
    before = node.samples_taken
    kept = max(gateway.samples)
    await world.run_for(HALF)  # with an estimate of the time that is wrong by as much
    assert 28 <= node.samples_taken - before <= 32
    gateway.silent = False
    before = node.samples_taken
    await world.run_for(HALF)
    assert 28 <= node.samples_taken - before <= 32
    whole(gateway)
    end = world.unix_us() // 1_000_000
    # What was taken since is told at its true times, as far as the gateway has not heard ages before.
    for number in range(kept + 3, max(gateway.samples)):
        assert end - 2 * HOUR - 120 <= gateway.samples[number][0] <= end


@pytest.mark.parametrize("time", [946_684_799, 0xFFFFFFFF, *beyond(0, 12_345, 4_102_444_800)])
async def test_a_time_that_cannot_be_is_not_taken(time, world, gateway, node):
    await node.provision(EVERY_MINUTE)
    await world.run_for(300)
    gateway.time = lambda: time
    before = node.samples_taken
    await world.run_for(HALF)
    assert 28 <= node.samples_taken - before <= 32
    assert f"time refused: {time}" in node.printed()
    del gateway.time
    await world.run_for(300)
    assert -1 <= world.unix_us() // 1_000_000 - gateway.samples[max(gateway.samples)][0] <= 200


@pytest.mark.slow
async def test_the_duty_cycle_is_counted_on_through_corrections(world, ether, gateway, node):
    await node.provision(
        BIN
        | {"sample_period": 60, "report_period": 20, "ack_every": 1, "channels": 1, "spreading_factor": 11}
    )
    for fast_s in (DAY, 0):
        gateway.fast_s = fast_s
        heard = len(gateway.frames)
        await world.run_for(HOUR)
        assert len(gateway.frames) > heard + 8
    assert "report: refused" in node.printed()
