"""Whatever fails on the way, every sample is at the platform exactly once.

Real MicroPython on virtual boards, real gateway, real Mosquitto as the platform's broker.
"""

import asyncio
import json
import random

import pytest

from lyhord_rig.street.services import Mosquitto
from lyhord_rig.street.street import Plan, Street
from tests.gateway.parts import until

pytestmark = pytest.mark.slow

STREET_LIVES_S = 32  # of the world's time, which falls behind the wall's on a busy machine


async def live(street, *troubles, enough=lambda: True):
    """The street's life with its troubles, and on until there were enough of them; then the truth. A crash
    or a broken rule fails the test."""
    tasks = [asyncio.create_task(trouble) for trouble in troubles]
    end_us = street.world.now_us + STREET_LIVES_S * 1_000_000
    await street.run_until(lambda: street.world.now_us >= end_us and enough())
    for task in tasks:
        task.cancel()  # each puts back what it took away
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(result, Exception) and not isinstance(result, asyncio.CancelledError):
            raise result
    truth = await street.drain()
    print(truth)
    boards = [street.bridge, *(node.board for node in street.nodes)]
    radios = [street.bridge_radio, *(node.radio for node in street.nodes)]
    assert not [report for board in boards for report in board.crash_reports]
    assert not [violation for radio in radios for violation in radio.violations]
    assert not street.ether.regulator.violations
    assert not street.platform.ledger.malformed
    return truth


def check(truth, street, least_per_node=2):
    assert truth.taken >= least_per_node * len(street.nodes), "the street slept"
    assert not truth.missing, truth
    assert not truth.doubled, truth


def stored(street):
    """Samples that the gateway has made durable since its start, as its status file has it."""
    status = json.loads((street.work_dir / "gateway" / "status.json").read_text())
    return status["counters"].get("store.samples", 0)


async def test_gateway_is_killed_at_random_moments(seed, street_dir):
    moments = random.Random(seed)
    kills = 0

    async def murderer(street):
        nonlocal kills
        while True:
            await asyncio.sleep(moments.uniform(1.0, 6.0))
            await street.gateway.kill()
            kills += 1
            try:
                await asyncio.sleep(moments.uniform(0.0, 1.5))
            finally:  # the service manager starts it again, whatever else ends
                await street.gateway.start()

    async with Street(Plan(nodes=3, seed=seed), street_dir, broker=Mosquitto) as street:
        truth = await live(street, murderer(street), enough=lambda: kills >= 3)
    check(truth, street)


async def test_platform_is_away_for_a_while(seed, street_dir):
    async with Street(Plan(nodes=3, seed=seed), street_dir, broker=Mosquitto) as street:
        waited = 0

        async def outage():
            nonlocal waited
            await until(lambda: street.platform.ledger.rows, "the platform has something")
            await street.broker.stop()
            try:
                before, arrived = stored(street), len(street.platform.ledger.rows)
                await until(lambda: stored(street) >= before + 3, "nodes notice nothing")
                assert len(street.platform.ledger.rows) == arrived
                waited = stored(street) - before
            finally:
                await street.broker.start()

        truth = await live(street, outage(), enough=lambda: waited)
        assert street.platform.connections >= 2
    check(truth, street)


async def test_nodes_lose_power_at_random_moments(seed, street_dir):
    moments = random.Random(seed)
    cuts = 0

    async def saboteur(street, node):
        nonlocal cuts
        board = node.board
        try:
            while True:
                await asyncio.sleep(moments.uniform(2.0, 10.0))
                if moments.random() < 0.5:  # in the middle of a write to the flash
                    board.cut_after_writes(moments.randint(1, 12))
                    await asyncio.sleep(moments.uniform(1.0, 8.0))
                board.power_off()
                cuts += 1
                await asyncio.sleep(moments.uniform(0.1, 2.0))
                board.power_on()
        finally:
            board.cut_after_writes(None)
            board.power_on()

    async with Street(Plan(nodes=3, seed=seed), street_dir, broker=Mosquitto) as street:
        saboteurs = [saboteur(street, node) for node in street.nodes]
        truth = await live(street, *saboteurs, enough=lambda: cuts >= 3)
    check(truth, street, least_per_node=1)


async def test_a_fifth_of_the_frames_is_lost(seed, street_dir):
    async with Street(Plan(nodes=4, seed=seed, loss=0.2), street_dir, broker=Mosquitto) as street:
        truth = await live(street)
    check(truth, street)
