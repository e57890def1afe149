import asyncio
import heapq
import time

import pytest

from lyhord_rig import World
from lyhord_rig.deadline import DEADLINE_S


async def test_events_run_in_order_of_time_then_of_making():
    world = World(seed=1, pace=None)
    seen = []
    world.call_at(20, lambda: seen.append((world.now_us, "c")))
    world.call_at(10, lambda: seen.append((world.now_us, "a")))
    world.call_at(10, lambda: seen.append((world.now_us, "b")))
    await world.run(until=30)
    assert seen == [(10, "a"), (10, "b"), (20, "c")]
    assert world.now_us == 30


async def test_an_event_at_the_end_of_the_run_is_handled():
    world = World(seed=1, pace=None)
    seen = []
    world.call_at(30, seen.append, 1)
    world.call_at(31, seen.append, 2)
    await world.run(until=30)
    assert (seen, world.now_us) == ([1], 30)


async def test_cancelled_events_do_not_run():
    world = World(seed=1, pace=None)
    seen = []
    handle = world.call_at(10, seen.append, 1)
    world.call_at(5, handle.cancel)
    await world.run(until=20)
    assert seen == []


async def test_a_callback_that_raises_ends_the_run_with_that_exception():
    world = World(seed=1, pace=None)

    def burst():
        raise ZeroDivisionError("ours")

    world.call_at(10, burst)
    with pytest.raises(ZeroDivisionError, match="ours"):
        await world.run(until=20)
    assert not world.running


async def test_stop_ends_a_run_without_end():
    world = World(seed=1, pace=None)
    world.call_at(1_000_000, world.stop)
    async with asyncio.timeout(DEADLINE_S):
        await world.run()
    assert world.now_us == 1_000_000


async def test_streams_depend_on_seed_and_name_alone():
    assert World(seed=1).rng("bin").random() == World(seed=1).rng("bin").random()
    assert World(seed=1).rng("bin").random() != World(seed=2).rng("bin").random()
    assert World(seed=1).rng("bin").random() != World(seed=1).rng("weather").random()


async def test_unpaced_time_is_fixed_and_paced_time_is_the_wall_clock():
    assert World(seed=1, pace=None).unix_us() == World(seed=2, pace=None).unix_us()
    before_s = int(time.time())
    assert before_s <= World(seed=1).unix_us() / 1e6 <= time.time()


async def test_pace_follows_the_wall_clock():
    world = World(seed=1, pace=10.0)
    began = time.monotonic()
    await world.run_for(2.0)
    took = time.monotonic() - began
    assert took >= 0.19
    assert world.now_us == 2_000_000


async def test_catching_up_is_limited():
    world = World(seed=1, pace=1.0)

    def stall():
        time.sleep(0.2)  # the world's thread was busy for so long

    walls = []
    world.call_at(1000, stall)
    world.call_at(300_000, lambda: walls.append(time.monotonic()))
    world.call_at(600_000, lambda: walls.append(time.monotonic()))
    await world.run(until=600_000)
    assert walls[1] - walls[0] >= 0.3 / 1.5 - 0.01


async def test_outside_input_enters_at_the_paced_now():
    world = World(seed=1, pace=1.0)
    seen = []
    asyncio.get_running_loop().call_later(0.1, world.post, lambda: seen.append(world.now_us))
    assert await world.run_until(lambda: seen, 30)
    assert len(seen) == 1
    assert seen[0] >= 90_000


async def test_hold_keeps_time_still_while_the_run_goes_on():
    world = World(seed=1, pace=None)
    seen = []
    world.call_at(1_000, seen.append, 1)
    with world.hold():
        run = asyncio.create_task(world.run(until=2_000))
        await asyncio.sleep(0.05)
        assert (world.running, world.now_us, seen) == (True, 0, [])
    async with asyncio.timeout(DEADLINE_S):
        await run
    assert (world.now_us, seen) == (2_000, [1])


async def test_an_owed_reply_holds_unpaced_time_for_the_grace_only():
    world = World(seed=1, pace=None, grace_s=0.15)
    began = time.monotonic()
    world.expect_reply("peer")
    await world.run(until=1_000)
    assert time.monotonic() - began >= 0.14
    patient = World(seed=1, pace=None, grace_s=float("inf"))
    patient.expect_reply("peer")
    asyncio.get_running_loop().call_later(0.02, patient.post, patient.reply_seen, "peer")
    async with asyncio.timeout(DEADLINE_S):
        await patient.run(until=2_000)


async def test_run_until_waits_beside_the_task_that_runs_the_world():
    world = World(seed=1, pace=None)
    seen = []
    for at in range(100, 1_100, 100):
        world.call_at(at, seen.append, at)
    with world.hold():
        run = asyncio.create_task(world.run(until=1_000_000))
        await asyncio.sleep(0)
        waiter = asyncio.create_task(world.run_until(lambda: len(seen) >= 3, 1))
        await asyncio.sleep(0)
    async with asyncio.timeout(DEADLINE_S):
        assert await waiter
        assert not await world.run_until(lambda: len(seen) > 100, 0.001)
        await run


async def test_a_world_runs_once_at_a_time():
    world = World(seed=1, pace=None)
    with world.hold():
        run = asyncio.create_task(world.run(until=10))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError):
            await world.run(until=20)
    await run


async def test_posts_come_in_their_order_though_the_world_is_behind_its_pace():
    async with World(seed=1, pace=1.0) as world:
        seen = []
        world._running = True
        ahead, behind = 900_000, 300_000
        world._paced_clock = lambda: ahead
        world.post(seen.append, "first")
        world.call_at(
            behind, seen.append, "an event of the world"
        )  # it is behind: this is before the pace's now
        world.post(seen.append, "second")
        world._running = False
        while world._queue:
            world._queue[0][2].fn(*world._queue[0][2].args)
            heapq.heappop(world._queue)
        assert [one for one in seen if one != "an event of the world"] == ["first", "second"]
