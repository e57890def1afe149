"""The clock of a concentrator: 32 bits of microseconds, a drift, a restart, liars."""

import random

import pytest

from lyhord_gateway.sources.radio_clock import RadioClock

NOW_US = 10**12
START = 2**32 - 5_000_000
SECOND = 1_000_000


def settled(frames: int) -> tuple[RadioClock, int]:
    """A clock that has learnt from so many honest frames, one a second, and the second that comes next."""
    clock = RadioClock()
    for second in range(frames):
        clock.learn((START + second * SECOND) % 2**32, NOW_US + second * SECOND)
    return clock, frames


def late_us(clock: RadioClock, second: int, delay_us: int = 0, tmst_lie_us: int = 0) -> int:
    """The assumed delay of a frame that was heard in that second, and was so long under way."""
    arrived_us = NOW_US + second * SECOND + delay_us
    return arrived_us - clock.heard_us((START + second * SECOND + tmst_lie_us) % 2**32, arrived_us)


def test_it_tells_how_long_a_datagram_was_under_way() -> None:
    clock, _ = settled(1)
    for second in range(1, 120):  # through the wrap of the 32-bit clock
        delay_us = 400_000 if second % 3 == 0 else 0
        assert delay_us - 1_000 <= late_us(clock, second, delay_us) <= delay_us
        clock.learn((START + second * SECOND) % 2**32, NOW_US + second * SECOND + delay_us)


def test_without_witnesses_nothing_is_late() -> None:
    assert late_us(RadioClock(), 0, 2_000_000) == 0


@pytest.mark.parametrize("lie_us", [2_950_000, 500_000])
def test_a_liar_who_comes_first_makes_nobody_late(lie_us: int) -> None:
    clock = RadioClock()
    clock.learn((START + lie_us) % 2**32, NOW_US)
    for second in range(1, 60):
        assert late_us(clock, second) == 0
        clock.learn((START + second * SECOND) % 2**32, NOW_US + second * SECOND)


def test_a_witness_does_not_count_for_ever() -> None:
    clock, second = settled(9)
    assert late_us(clock, second + 3_500, 2_000_000) > 1_800_000
    assert late_us(clock, second + 3_700, 2_000_000) == 0


def test_a_restarted_clock_is_believed_at_once() -> None:
    clock, second = settled(30)
    for life in (1_000, 2_000_000_000):
        arrived_us = NOW_US + second * SECOND + 130_000_000
        assert clock.heard_us(life, arrived_us) == arrived_us


@pytest.mark.parametrize("ppm", [-50, -20, 20, 50])
def test_a_clock_that_drifts_is_followed(ppm: int) -> None:
    clock = RadioClock()
    for second in range(0, 36_000, 30):
        arrived_us = second * SECOND
        tmst_us = (arrived_us + second * ppm) % 2**32
        assert 0 <= arrived_us - clock.heard_us(tmst_us, arrived_us) <= 30_000
        clock.learn(tmst_us, arrived_us)


@pytest.mark.parametrize("lie_us", [2_950_000, 3_050_000, 900_000, 300_000, -2_950_000, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("before", [1, 2, 5, 15])
def test_one_authentic_liar_makes_nobody_late(lie_us: int, before: int) -> None:
    clock, second = settled(before)
    clock.learn((START + second * SECOND + lie_us) % 2**32, NOW_US + second * SECOND)
    for later in range(second, second + 60):
        assert late_us(clock, later) == 0
        assert late_us(clock, later, 700_000) >= (690_000 if before > 1 else 0)


def test_liars_are_outvoted_up_to_half() -> None:
    rng = random.Random(7)
    clock, second = settled(15)
    for _ in range(7):
        lie_us = rng.choice((2_950_000, 2_000_000, -2_000_000, 500_000))
        clock.learn((START + second * SECOND + lie_us) % 2**32, NOW_US + second * SECOND)
    assert late_us(clock, second) == 0
    assert late_us(clock, second, 700_000) >= 690_000
