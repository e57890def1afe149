"""The count of starts that came to no end: when it goes up, what it makes of a start, when it is over."""

from lyhord_node.boot_guard import DEEP_SLEEP, POWER_ON, WATCHDOG, BootGuard
from lyhord_node.nvs import Store
from tests.fakes.node_memory import Nvs


def kinds(store, causes):
    """The kinds of the starts: "." usual, "s" safe, "w" safe with a report over WiFi. None ends."""
    found = ""
    for cause in causes:
        start = BootGuard(store, cause)
        found += "w" if start.reports else "s" if start.is_safe else "."
    return found


def test_six_starts_in_a_row_are_one_too_many():
    assert kinds(Store(Nvs()), [POWER_ON] * 9) == "......sss"
    assert kinds(Store(Nvs()), [WATCHDOG] * 9) == "......sss"


def test_in_safe_mode_reports_and_trials_take_turns_with_rest_in_between():
    store = Store(Nvs())
    kinds(store, [POWER_ON] * 6)
    assert kinds(store, [DEEP_SLEEP] * 7) == "w.w.w.w"
    # A brown-out while it reports, or while it tries: it rests, and goes on with the other.
    assert kinds(store, [POWER_ON, DEEP_SLEEP, POWER_ON, DEEP_SLEEP]) == "s.sw"


def test_rest_grows_to_six_hours():
    store = Store(Nvs())
    rests = []
    for number in range(60):
        start = BootGuard(store, DEEP_SLEEP if number else POWER_ON)
        start.crashed()
        rests.append(start.rest_s())
    assert rests[:6] == [60, 120, 180, 240, 300, 360]
    assert rests[6:9] == [600, 1200, 1800] and rests[-1] == 21_600
    assert rests == sorted(rests)


def test_a_cycle_that_comes_to_its_end_makes_all_well():
    store = Store(Nvs())
    kinds(store, [POWER_ON] * 6 + [DEEP_SLEEP])
    trial = BootGuard(store, DEEP_SLEEP)
    assert trial.count == 8 and not trial.is_safe
    trial.completed()
    assert kinds(store, [DEEP_SLEEP] + [POWER_ON] * 6) == "......."


def test_a_node_that_works_writes_nothing():
    nvs = Nvs()
    store = Store(nvs)
    for _ in range(100):
        start = BootGuard(store, DEEP_SLEEP)
        assert start.count == 0 and not start.is_safe
        start.completed()
    assert nvs.commits == 0
    # A crash on such a wake counts as the first.
    start.crashed()
    start.crashed()
    assert (start.count, start.rest_s()) == (1, 60)
    assert BootGuard(store, DEEP_SLEEP).count == 2


def test_a_storage_that_takes_no_more_keeps_nobody_from_working():
    class Worn(Nvs):
        def set_i32(self, key, value):
            raise OSError(5)

    start = BootGuard(Store(Worn()), POWER_ON)
    assert start.count == 1 and not start.is_safe
    start.completed()
    assert start.count == 0
