"""The replay window: its edges, and a long random life against a plain set of counters."""

import random

from lyhord_wire.replay import LATEST, NEW, OLD, SEEN, WIDTH, ReplayWindow
from tests.wire.helpers import seed_random


def accepted(*counters):
    window = ReplayWindow()
    for counter in counters:
        assert window.check(counter) == NEW, counter
        window.accept(counter)
    return window


def test_the_window_is_64_wide():
    assert WIDTH == 64


def test_before_the_first_frame_everything_is_new():
    for counter in (0, 1, 63, 64, 0xFFFFFF):
        assert ReplayWindow().check(counter) == NEW


def test_the_edges_of_the_window():
    window = accepted(1000)
    assert window.check(1001) == NEW
    assert window.check(1000) == LATEST
    assert window.check(999) == NEW
    assert window.check(1000 - 63) == NEW
    assert window.check(1000 - 64) == OLD
    assert window.check(0) == OLD


def test_late_frames_are_accepted_once():
    window = accepted(1000, 990, 937)
    for counter in (990, 937):
        assert window.check(counter) == SEEN
    assert window.check(1000) == LATEST
    assert window.check(991) == NEW


def test_steps_around_the_width():
    for step in (1, 2, 62, 63, 64, 65, 66, 1000, 0xFFFFFF - 100):
        window = accepted(100, 100 + step)
        assert window.check(100 + step) == LATEST, step
        assert window.check(100) == (SEEN if step < WIDTH else OLD), step
        assert window.check(99 + step) == (NEW if step > 1 else SEEN), step
        assert window.mask < 1 << WIDTH, step


def test_the_last_counter_of_all():
    window = accepted(0xFFFFFF)
    assert window.check(0xFFFFFF) == LATEST
    assert window.check(0xFFFFFE) == NEW


def test_checking_changes_nothing():
    window = accepted(5, 7)
    before = window.top, window.mask
    for counter in range(200):
        window.check(counter)
    assert (window.top, window.mask) == before


def test_it_lives_on_in_its_two_values():
    window = accepted(5, 70, 9, 69)
    again = ReplayWindow(window.top, window.mask)
    assert [again.check(counter) for counter in range(80)] == [window.check(counter) for counter in range(80)]


def test_a_long_random_life_against_a_set():
    seed_random()
    window, seen, top = ReplayWindow(), set(), -1
    verdicts = set()
    for _ in range(3000):
        counter = max(0, top + random.randint(-80, 12))
        if random.randrange(100) == 0:
            counter = top + random.randint(50, 90)
        if counter == top:
            expected = LATEST
        elif counter <= top - WIDTH:
            expected = OLD
        else:
            expected = SEEN if counter in seen else NEW
        verdict = window.check(counter)
        assert verdict == expected, (counter, top)
        verdicts.add(verdict)
        if verdict == NEW:
            window.accept(counter)
            seen.add(counter)
            top = max(top, counter)
    assert len(verdicts) == 4
