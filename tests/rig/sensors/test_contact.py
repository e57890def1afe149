"""Meter pulses and a tilt switch: bounce, counting awake and through deep sleep, and broken wires."""

from itertools import pairwise

import pytest

from lyhord_rig import Line, Ports, State, World
from lyhord_rig.sensors.contact import Fault, PulseMeter, TiltSwitch
from tests.rig.snippet import make_board


class Bench:
    def __init__(self, make, seed=1, **options):
        self.world = World(seed=seed, pace=None)
        self.line = Line(33)
        self.edges = []
        self.thing = make(self.world, self.line, **options)
        self.line.listen(lambda line: self.edges.append((self.world.now_us, line.level)))

    async def run(self, us):
        await self.world.run(until=self.world.now_us + us)

    def count(self, debounce_us):
        """Falling edges after which the line stayed low, as a careful counter sees them."""
        changes = [*self.edges, (self.world.now_us, None)]
        return sum(level == 0 and later - us >= debounce_us for (us, level), (later, _) in pairwise(changes))


async def test_pulses_bounce_and_are_still_one_each():
    bench = Bench(PulseMeter, pulse_us=60_000, bounce_us=1_000)
    for _ in range(100):
        bench.thing.pulse()
        await bench.run(200_000)
    assert bench.thing.pulses == bench.count(debounce_us=10_000) == 100
    assert bench.count(debounce_us=0) > 150  # who counts edges counts too much
    assert bench.line.level == 1
    within = [us % 200_000 for us, _ in bench.edges]
    assert all(us <= 1_000 or 60_000 <= us <= 61_000 for us in within)


async def test_without_bounce_there_are_two_edges():
    bench = Bench(PulseMeter, pulse_us=60_000, bounce_us=0)
    bench.thing.pulse()
    await bench.run(59_999)
    with pytest.raises(ValueError, match="not over"):
        bench.thing.pulse()
    await bench.run(100_000)
    assert bench.edges == [(0, 0), (60_000, 1)]


async def test_flow():
    bench = Bench(PulseMeter)
    bench.thing.flow(3600)
    await bench.run(600_000_000)
    assert bench.thing.pulses == pytest.approx(600, abs=20)
    assert bench.count(10_000) == bench.thing.pulses
    bench.thing.flow(0)
    await bench.run(600_000_000)
    assert bench.thing.pulses == pytest.approx(600, abs=20)
    with pytest.raises(ValueError, match="an hour"):
        bench.thing.flow(36_000)


async def test_broken_wires():
    bench = Bench(PulseMeter)
    bench.thing.contact.fault = Fault.OPEN
    bench.thing.pulse()
    await bench.run(100_000)
    assert bench.edges == []
    bench.thing.contact.fault = Fault.SHORTED
    assert bench.line.level == 0
    bench.thing.pulse()
    await bench.run(100_000)
    assert len(bench.edges) == 1
    bench.thing.contact.fault = None
    assert bench.line.level == 1


@pytest.mark.parametrize("seed", [1, 2])
async def test_a_tilt_switch_has_hysteresis(seed):
    bench = Bench(TiltSwitch, seed, close_deg=30, open_deg=25)
    for degrees, level in ((29, 1), (30, 0), (25, 0), (24, 1), (29, 1), (180, 0)):
        bench.thing.tilt(degrees)
        await bench.run(5_000)
        assert bench.line.level == level
        seen = len(bench.edges)
        await bench.run(1_000_000)
        assert len(bench.edges) == seen


# Each wake-up by ext0 is a pulse: the contact may have opened long before the program runs.
COUNTER = """
import esp32, machine, time
from machine import Pin
rtc = machine.RTC()
pin = Pin(33, Pin.IN, Pin.PULL_UP)
count = int(rtc.memory() or b"0")
if machine.wake_reason() == machine.EXT0_WAKE:
    count += 1
rtc.memory(b"%d" % count)
print("count", count)
while not pin():
    time.sleep_ms(5)
time.sleep_ms(5)  # it bounces when it opens, too
esp32.wake_on_ext0(pin, 0)
machine.deepsleep(60000)
"""


@pytest.mark.parametrize(
    ("gap_us", "pulse_us", "counted"),
    [(1_000_000, 60_000, 10), (1_000_000, 500_000, 10), (300_000, 60_000, 10), (240_000, 60_000, 5)],
)
async def test_ext0_counts_in_deep_sleep_what_is_slower_than_a_start(tmp_path, gap_us, pulse_us, counted):
    # 250 ms from the wake-up to the program: the chip knows that it was woken, not how often.
    async with World(seed=3, pace=None) as world:
        ports = Ports()
        meter = PulseMeter(world, ports.line(33), pulse_us, 1_000)
        board = make_board(world, tmp_path, COUNTER, ports)
        board.power_on()
        await world.run_for(2)
        for _ in range(10):
            meter.pulse()
            await world.run_for(gap_us / 1e6)
        await world.run_for(2)
        assert (board.events.crashes, meter.pulses) == (0, 10)
        assert board.serial_lines()[-1] == f"count {counted}"
        assert board.state is State.ASLEEP


async def test_a_contact_that_stays_closed_does_not_wake_the_board_again_and_again(tmp_path):
    async with World(seed=3, pace=None) as world:
        ports = Ports()
        switch = TiltSwitch(world, ports.line(33))
        program = """
        import esp32, machine
        from machine import Pin
        pin = Pin(33, Pin.IN, Pin.PULL_UP)
        print("tilted", 1 - pin())
        esp32.wake_on_ext0(pin, 1 - pin())
        machine.deepsleep()
        """
        board = make_board(world, tmp_path, program, ports)
        board.power_on()
        await board.expect(rb"tilted 0", 2)
        await world.run_for(1)
        switch.tilt(90)
        await board.expect(rb"tilted 1", 2)
        await world.run_for(3600)
        switch.tilt(0)
        await board.expect(rb"tilted 0", 2)
        await world.run_for(1)
        assert board.events.wakes == 2
