"""The bridge's clock: 30-bit ticks in, unbounded microseconds inside, 32 bits out."""

from lyhord_bridge.clock import Clock, nearest, tmst
from tests.fakes.ticks import PERIOD, Ticks

U32 = 1 << 32


def make(now_us):
    ticks = Ticks(now_us, read_us=0)
    return ticks, Clock(ticks.ticks_us, ticks.ticks_diff, ticks.ticks_add)


def test_time_runs_on_over_the_wrap_of_the_ticks():
    ticks, clock = make(PERIOD - 1)
    assert clock.now_us() == 0
    passed_us = 0
    for step_us in (1, 1, 999_998, 479_000_000, 479_000_000, 479_000_000, PERIOD // 2 - 1):
        ticks.pass_us(step_us)
        passed_us += step_us
        assert clock.now_us() == passed_us
    assert passed_us > PERIOD


def test_time_runs_on_for_days_when_read_often_enough():
    ticks, clock = make(123)
    for _ in range(3 * 24 * 60 // 8):
        ticks.pass_us(8 * 60_000_000)
        clock.now_us()
    assert clock.now_us() == 3 * 24 * 3600 * 1_000_000


def test_stamps_around_the_wrap_are_times():
    ticks, clock = make(PERIOD - 1000)
    before = ticks.ticks_us()
    ticks.pass_us(2000)
    after = ticks.ticks_us()
    assert after < before
    assert clock.now_us() == 2000
    assert clock.at_us(before) == 0 and clock.at_us(after) == 2000
    assert clock.ticks_at(0) == before and clock.ticks_at(2000) == after
    assert clock.at_us(clock.ticks_at(30_000_000)) == 30_000_000


def test_the_line_carries_32_bits():
    for time_us in (0, U32 - 1, U32, U32 + 5, 3 * U32 + 7):
        assert tmst(time_us) == time_us % U32


def test_the_nearest_time_is_found_on_both_sides_of_the_wrap():
    for now_us in (0, 10, U32 - 1, U32, U32 + 1, 7 * U32 - 3, 7 * U32 + 3):
        for ahead_us in (-1_000_000, -1, 0, 1, 1_000_000, U32 // 2 - 1, -U32 // 2):
            assert nearest(tmst(now_us + ahead_us), now_us) == now_us + ahead_us
