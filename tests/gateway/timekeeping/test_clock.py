"""The gateway's clock: what is told to nodes, when not, and why."""

import asyncio
import json
import os
import sys
import time
from pathlib import Path

import pytest

from lyhord_gateway.support.metrics import Metrics
from lyhord_gateway.timekeeping import time_service
from lyhord_gateway.timekeeping.clock import IN_USE_S, PART, RELEASED_S, SETTLE_S, Clock
from lyhord_gateway.timekeeping.time_service import TimeService
from lyhord_wire.instructions import STORED, TIME
from tests.gateway.bench import NOW_S, Bench, running
from tests.gateway.parts import GatewayProcess, Node, connected, free_port, get, next_message

DAY_S = 86_400


class Machine:
    """A machine whose clocks and time service are in our hands."""

    def __init__(self, wall_s: float = NOW_S, service: TimeService = TimeService.NONE) -> None:
        self.wall_s = wall_s
        self.elapsed_s = 1000.0
        self.service = service
        self.metrics = Metrics()

    def clock(self, newest_s: int = 0, trusted: bool = False) -> Clock:
        return Clock(
            self.metrics, newest_s, trusted, lambda: self.service, lambda: self.wall_s, lambda: self.elapsed_s
        )

    def pass_s(self, seconds: float) -> None:
        self.wall_s += seconds
        self.elapsed_s += seconds

    @property
    def state(self) -> str:
        return self.metrics.states[PART]


def test_a_clock_that_nothing_speaks_against_is_told() -> None:
    machine = Machine()
    clock = machine.clock(NOW_S - DAY_S)
    assert clock.told_s() == NOW_S and machine.state == "up"
    machine.pass_s(3600)
    assert clock.told_s() == NOW_S + 3600


@pytest.mark.parametrize("wall_s", [0, 1000, 946_684_800, RELEASED_S - 1])
@pytest.mark.parametrize("service", list(TimeService))
def test_a_clock_before_the_release_is_never_told(wall_s: int, service: TimeService) -> None:
    machine = Machine(wall_s, service)
    clock = machine.clock(trusted=True)
    assert clock.told_s() is None and machine.state == "behind_release"
    assert clock.now_s() >= RELEASED_S


@pytest.mark.parametrize("wall_s", [RELEASED_S + IN_USE_S + 1, 4_102_444_800, (1 << 32) + 5])
@pytest.mark.parametrize("service", list(TimeService))
def test_a_clock_decades_after_the_release_is_never_told(wall_s: int, service: TimeService) -> None:
    machine = Machine(wall_s, service)
    clock = machine.clock(NOW_S, trusted=True)
    assert clock.told_s() is None and machine.state == "after_release"
    machine.pass_s(60)
    assert clock.now_s() == clock.stamp(int(machine.wall_s)) == NOW_S + 60, "the store's, and what has passed"


def test_a_clock_behind_the_store_is_not_told_until_it_is_past_that() -> None:
    machine = Machine()
    clock = machine.clock(NOW_S + DAY_S)
    assert clock.told_s() is None and machine.state == "behind_store"
    assert f"{DAY_S} s behind" in machine.metrics.why[PART]
    machine.pass_s(DAY_S)  # it stays a day behind, however long it runs
    assert clock.told_s() is None
    assert clock.now_s() == NOW_S + 2 * DAY_S, "the store's newest, and what has passed since"
    machine.wall_s += DAY_S + 60  # somebody puts it right
    assert clock.told_s() is None and machine.state == "jumped"
    machine.pass_s(SETTLE_S)
    assert clock.told_s() == machine.wall_s and machine.state == "up"


def test_a_store_from_a_clock_that_ran_ahead_gives_way_to_the_time_service() -> None:
    machine = Machine(service=TimeService.SYNCHRONISED)
    clock = machine.clock(NOW_S + DAY_S)
    assert clock.told_s() == NOW_S
    assert clock.stamp(NOW_S) == NOW_S


def test_a_store_from_a_clock_that_ran_ahead_gives_way_to_an_operator() -> None:
    assert Machine().clock(NOW_S + DAY_S, trusted=True).told_s() == NOW_S


def test_a_clock_whose_time_service_has_not_set_it_is_not_told() -> None:
    machine = Machine(NOW_S + DAY_S, TimeService.WAITING)  # a Raspberry Pi without a clock chip, a day ahead
    clock = machine.clock(NOW_S - 60)
    assert clock.told_s() is None and machine.state == "unsynchronised"
    machine.pass_s(600)
    assert clock.told_s() is None
    machine.wall_s -= DAY_S
    machine.service = TimeService.SYNCHRONISED
    assert clock.told_s() == NOW_S + 600
    assert machine.metrics.counters["clock.jumps"] == 1
    machine.service = TimeService.NONE  # its network goes: what was right stays right
    machine.pass_s(30 * DAY_S)
    assert clock.told_s() == machine.wall_s


@pytest.mark.parametrize("jump_s", [DAY_S, -DAY_S, 3600, -3600, 60, -60])
def test_a_jump_is_logged_and_not_told_before_it_has_settled(
    jump_s: int, caplog: pytest.LogCaptureFixture
) -> None:
    machine = Machine()
    clock = machine.clock(NOW_S - 60)
    clock.stamp(NOW_S)
    machine.wall_s += jump_s
    assert clock.told_s() is None
    assert machine.state == "jumped" if jump_s > 0 else machine.state.startswith("behind")
    assert f"jumped by {jump_s:+d} s" in caplog.text
    machine.wall_s -= jump_s  # ten minutes of it, and right again
    machine.pass_s(1)
    assert clock.told_s() == NOW_S + 1, "there and back again is where it was"
    assert machine.metrics.counters["clock.jumps"] == 2


def test_small_steps_are_no_jumps() -> None:
    machine = Machine()
    clock = machine.clock()
    for _ in range(100):
        machine.pass_s(5)
        machine.wall_s += 0.5
        assert clock.told_s() == int(machine.wall_s)
    assert machine.metrics.counters["clock.jumps"] == 0


def test_gps_settles_what_nobody_else_can_and_one_liar_is_outvoted() -> None:
    machine = Machine()
    clock = machine.clock(NOW_S + DAY_S)
    assert clock.told_s() is None
    clock.heard_gps("roof", machine.wall_s + 0.2)
    assert clock.told_s() == NOW_S
    for source in ("tower", "cellar"):
        clock.heard_gps(source, machine.wall_s - 0.2)
    clock.heard_gps("liar", machine.wall_s + 10 * DAY_S)
    assert clock.told_s() == NOW_S
    machine.wall_s += DAY_S  # now it is ours that is wrong
    assert clock.told_s() is None and machine.state == "far_from_gps"
    machine.service = TimeService.SYNCHRONISED
    machine.pass_s(2)
    assert clock.told_s() is None, "a time service that was deceived, or deceives"
    machine.pass_s(7200)
    assert clock.told_s() == machine.wall_s, "evidence grows old"


async def test_the_time_is_left_out_of_the_answer_and_nothing_else(tmp_path: Path) -> None:
    machine = Machine()
    async with running(Bench(tmp_path / "lyhord.db", clock=machine.clock(NOW_S + DAY_S))) as bench:
        bench.add()
        node = Node()
        await bench.heard(node.report(ack=True))
        assert node.open(bench.answers[0][1]) == {STORED: 1}
        assert bench.metrics.counters["downlink.without_time"] == 1
        machine.wall_s += DAY_S
        machine.service = TimeService.SYNCHRONISED
        machine.pass_s(2)
        await bench.heard(node.report(ack=True))
        assert node.open(bench.answers[1][1]) == {TIME: NOW_S + DAY_S + 2, STORED: 2}


@pytest.fixture
def timesyncd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "timesync"
    monkeypatch.setattr(time_service, "_SERVICES", (folder,))
    monkeypatch.setattr(time_service, "_SYNCHRONISED", folder / "synchronized")
    monkeypatch.setattr(time_service, "_kernel_is_synchronised", lambda: False)
    return folder


def test_the_word_of_systemd_timesyncd(timesyncd: Path) -> None:
    assert time_service.time_service() is TimeService.NONE
    timesyncd.mkdir()
    assert time_service.time_service() is TimeService.WAITING
    (timesyncd / "synchronized").touch()
    assert time_service.time_service() is TimeService.SYNCHRONISED
    day_ago_s = time.time() - DAY_S  # the clock was moved since, or the network is gone
    os.utime(timesyncd / "synchronized", (day_ago_s, day_ago_s))
    assert time_service.time_service() is TimeService.NONE


def test_the_kernels_word_can_be_had() -> None:
    assert time_service._kernel_is_synchronised() in (True, False)


async def test_a_gateway_restarted_a_day_behind_tells_no_time_and_says_so(tmp_path: Path) -> None:
    """The real process: right, then a day behind its own store, then right again while it runs."""
    ahead = tmp_path / "ahead"

    def move(seconds: int) -> None:
        (tmp_path / "new").write_text(str(seconds))
        (tmp_path / "new").replace(ahead)

    async def asked() -> dict[int, object]:
        async with connected(gateway.port, node.down) as link:
            await link.publish(node.up, node.report(ack=True), qos=1)
            while not (found := node.open_or_none((await next_message(link)).payload)):
                pass
            return found

    async def ask(path: str) -> tuple[int, str]:
        return await asyncio.to_thread(get, port, path)

    move(0)
    port, node = free_port(), Node()
    gateway = GatewayProcess(tmp_path, None, f"[http]\nport = {port}\n")
    gateway.program = [sys.executable, "-m", "tests.fakes.moved_clock", str(ahead)]
    async with gateway:
        await gateway.add(node)
        assert TIME in await asked()
        assert await gateway.terminate() == 0
        move(-DAY_S)
        await gateway.start()
        found = await asked()
        assert TIME not in found and found[STORED] == 2
        status, text = await ask("/health")
        assert status == 503 and "clock_in_doubt" in text and "behind what the store has heard" in text
        assert 'lyhord_up{part="clock"} 0.0' in (await ask("/metrics"))[1]
        assert "behind what the store has heard" in gateway.log.read_text()
        assert await gateway.terminate() == 0
        move(0)
        await gateway.start()
        assert TIME in await asked()
        assert (await ask("/health"))[0] == 200
        assert json.loads(gateway.status_path.read_text())["states"]["clock"] == "up"
