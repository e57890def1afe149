"""The surface that the pings speak of: scenarios as bins make them, and what one wrong ping may do."""

from lyhord_node.level_filter import (
    PACKED_BYTES,
    LevelTracker,
    agreeing,
    level,
    median,
    ping_quality,
    same_mm,
)

EMPTY_MM = 1200
FULL_MM = 200


def burst(mm, noise=(0, 2, -3, 1, -1)):
    return [mm + offset for offset in noise]


def judge(tracker, distances_mm, pings=5):
    return tracker.judge(distances_mm, pings, EMPTY_MM, FULL_MM)


def settled(mm, samples=40):
    """A surface that has been at `mm` for a while."""
    tracker = LevelTracker()
    for _ in range(samples):
        judge(tracker, burst(mm))
    return tracker


class Luck:
    """The same numbers on both interpreters."""

    def __init__(self, seed):
        self.state = seed

    def below(self, limit):
        self.state = (self.state * 1103515245 + 12345) & 0x7FFFFFFF
        return (self.state >> 8) % limit


def test_a_quiet_bin_is_believed():
    tracker = settled(700)
    verdict = judge(tracker, burst(701))
    assert (verdict.distance_mm, verdict.level, verdict.quality) == (701, 50, 100)
    assert (verdict.heard, verdict.spread_mm) == (5, 5)
    assert not (verdict.held or verdict.faulty or verdict.emptied)


def test_the_first_sample_has_nothing_to_agree_with():
    verdict = judge(LevelTracker(), burst(700))
    assert verdict.distance_mm == 700 and verdict.quality == 80


def test_slow_filling_is_followed_and_stays_believed():
    tracker = settled(1180)
    level_before = 0
    for mm in range(1180, 220, -24):
        verdict = judge(tracker, burst(mm))
        assert verdict.distance_mm == mm and verdict.quality >= 90, mm
        assert verdict.level >= level_before and not verdict.emptied
        level_before = verdict.level
    assert level_before >= 95


def test_bags_are_believed_at_once_and_cost_some_quality():
    tracker = settled(900)
    verdict = judge(tracker, burst(760))
    assert verdict.distance_mm == 760 and 70 <= verdict.quality < 90
    assert judge(tracker, burst(760)).quality == 100


def test_an_emptied_bin_is_recognised_at_once():
    for full_mm in (220, 500, 850):
        tracker = settled(full_mm)
        verdict = judge(tracker, burst(1180))
        assert verdict.emptied and verdict.distance_mm == 1180 and verdict.level == 2
        assert verdict.quality == 100
        assert not judge(tracker, burst(1180)).emptied


def test_settling_rubbish_is_no_emptied_bin():
    tracker = settled(500)
    verdict = judge(tracker, burst(600))
    assert not verdict.emptied and verdict.distance_mm == 600


def test_a_flap_makes_no_full_bin():
    tracker = settled(1000)
    verdict = judge(tracker, burst(290))
    assert verdict.held and verdict.distance_mm is None and verdict.level is None
    assert verdict.quality <= 20 and not verdict.faulty
    after = judge(tracker, burst(1000))
    assert after.distance_mm == 1000 and not after.emptied
    assert 50 <= after.quality < 100  # what happened just now is not forgotten at once
    for _ in range(20):
        after = judge(tracker, burst(1000))
    assert after.quality == 100


def test_a_flap_in_the_wind_makes_no_full_bin():
    tracker = settled(1000)
    faults = 0
    for mm in (290, 600, 350, 700, 260, 640):
        verdict = judge(tracker, burst(mm))
        assert verdict.held and verdict.level is None and verdict.quality <= 20, mm
        faults += verdict.faulty
    assert faults == 3  # from the fourth on: something is in the way
    assert judge(tracker, burst(990)).level == 21


def test_a_flap_that_stays_is_believed_with_penalty_and_is_no_emptied_bin_when_it_goes():
    tracker = settled(1000)
    assert judge(tracker, burst(290)).held
    confirmed = judge(tracker, burst(292))
    assert confirmed.level == 91 and 40 <= confirmed.quality <= 75
    assert judge(tracker, burst(291)).quality < 80
    gone = judge(tracker, burst(1000))
    assert gone.distance_mm == 1000 and not gone.emptied and gone.quality < 100


def test_a_big_bag_is_believed_from_the_second_sample_on():
    tracker = settled(1000)
    assert judge(tracker, burst(500)).held
    assert judge(tracker, burst(470)).distance_mm == 470  # and another one on top of it
    quality = 0
    for _ in range(40):
        verdict = judge(tracker, burst(470))
        assert verdict.quality >= quality
        quality = verdict.quality
    assert quality == 100
    emptied = judge(tracker, burst(1190))
    assert emptied.emptied and emptied.level == 1


def test_a_web_that_some_pings_pass_lowers_the_quality_only():
    tracker = settled(900)
    for pings in (
        [901, 899, 300, 902, 900],
        [901, 301, 300, 902, 900],
        [300, 902, 301, 299, 900],  # most hear the web, but two find the old surface
    ):
        verdict = judge(tracker, pings)
        assert not verdict.held and 899 <= verdict.distance_mm <= 902, pings
        assert verdict.quality <= 20 * verdict.heard, pings
    assert verdict.quality <= 25


def test_a_web_does_not_hide_that_the_bin_was_emptied():
    tracker = settled(300)
    verdict = judge(tracker, [1180, 299, 1182, 1181, 301])
    assert verdict.emptied and verdict.distance_mm == 1181 and verdict.quality == 60


def test_condensation_fades_away_and_never_fills_the_bin():
    tracker = settled(900)
    qualities = []
    for pings in (
        [900, 902, 899, 901, 60],
        [900, 61, 899, 60],
        [60, 903],
        [60, 62],  # ghosts, always the same: they do not confirm each other
        [61, 60],
        [60, 61],
        [],
        [],
    ):
        verdict = judge(tracker, pings)
        assert verdict.level in (None, 30), pings
        qualities.append(verdict.quality)
    assert qualities == sorted(qualities, reverse=True) and qualities[-1] == 0
    assert verdict.faulty
    dry = judge(tracker, burst(880))
    assert dry.level == 32 and dry.quality < 100


def test_few_ghosts_of_one_place_confirm_nothing():
    tracker = settled(900)
    for pings in ([300, 302], [301, 300], [300, 302, 301]):  # even when most hear it at last
        assert judge(tracker, pings).held, pings
    assert judge(tracker, burst(300)).distance_mm == 300  # two samples in which most did


def test_what_hangs_before_the_full_line_is_never_rubbish():
    tracker = settled(1000)
    for number in range(10):
        verdict = judge(tracker, burst(40))
        assert verdict.held and verdict.level is None, number
    assert verdict.faulty
    first = LevelTracker()
    for _ in range(3):
        assert judge(first, burst(40)).held


def test_an_overfull_bin_is_full():
    tracker = settled(230)
    for mm in (180, 130, 90, 60):
        assert judge(tracker, burst(mm)).level == 100


def test_echoes_beyond_the_bottom_are_not_heard():
    tracker = settled(1000)
    verdict = judge(tracker, [1000, 2010, 1001, 2400, 999])
    assert verdict.distance_mm == 1000 and verdict.heard == 3 and verdict.quality == 60
    gone = judge(tracker, burst(2400))
    assert gone.distance_mm is None and gone.quality == 0 and gone.faulty and not gone.held
    a_little_deeper = judge(settled(1190), burst(1250))  # a bag has been pressed down
    assert a_little_deeper.level == 0


def test_silence_is_no_number_and_a_fault():
    tracker = settled(700)
    for _ in range(3):
        verdict = judge(tracker, [])
        assert verdict.distance_mm is None and verdict.level is None
        assert verdict.quality == 0 and verdict.faulty and not verdict.held
    back = judge(tracker, burst(700))
    assert back.distance_mm == 700 and 50 <= back.quality < 100 and not back.faulty


def test_a_single_echo_counts_only_where_one_was_expected():
    assert judge(settled(700), [705]).distance_mm == 705
    assert judge(settled(700), [705]).quality == 20
    assert judge(settled(700), [480]).held
    assert judge(LevelTracker(), [480]).held


def test_a_weak_sensor_is_believed_where_two_samples_agree():
    tracker = LevelTracker()
    assert judge(tracker, [480, 482]).held
    verdict = judge(tracker, [483, 481])
    assert verdict.distance_mm == 481 and verdict.quality <= 40


def test_without_the_bins_distances_there_is_a_distance_and_no_level():
    tracker = LevelTracker()
    for mm, held in ((3000, False), (2900, False), (800, True), (805, False), (3000, False)):
        verdict = tracker.judge(burst(mm), 5)
        assert verdict.held == held and verdict.level is None and not verdict.emptied, mm
        assert verdict.distance_mm == (None if held else mm)


def test_the_memory_survives_a_sleep_in_nine_bytes():
    script = (1000, 290, 291, 1000, 700, 690, 300, 1190, 40, 40, 40, 40, 40, 1180, 20_000)
    awake, asleep = LevelTracker(), LevelTracker()
    for mm in script:
        asleep = LevelTracker(asleep.pack())
        assert len(asleep.pack()) == PACKED_BYTES == 9
        one, other = judge(awake, burst(mm)), judge(asleep, burst(mm))
        assert one.__dict__ == other.__dict__, mm
    assert LevelTracker(b"short").pack() == LevelTracker().pack()


def test_nothing_overflows_however_long_it_lasts():
    tracker = settled(1000)
    for _ in range(600):
        assert judge(tracker, burst(40)).held
    for _ in range(600):
        judge(tracker, [])
    assert len(tracker.pack()) == PACKED_BYTES
    assert judge(tracker, burst(1000)).distance_mm == 1000


def test_one_wrong_ping_of_five_changes_the_fill_by_no_more_than_the_spread_of_the_good_ones():
    luck = Luck(20240607)
    moved = 0
    for number in range(3000):
        true_mm = 250 + luck.below(900)
        spread = 1 + luck.below(31)
        good = [true_mm + luck.below(spread) for _ in range(4)]
        right = true_mm + luck.below(spread)
        wrong = (luck.below(20_000), 20 + luck.below(1400), true_mm - 50 + luck.below(100))[number % 3]
        place = luck.below(5)
        near, far = min(good), max(good)
        for memory in (LevelTracker(), settled((near + far) // 2, 3)):
            packed = memory.pack()
            clean = judge(LevelTracker(packed), good[:place] + [right] + good[place:])
            spoilt = judge(LevelTracker(packed), good[:place] + [wrong] + good[place:])
            assert not spoilt.held, (good, wrong, number)
            assert near <= spoilt.distance_mm <= far, (good, wrong, number)
            low = level(far, EMPTY_MM, FULL_MM)
            high = level(near, EMPTY_MM, FULL_MM)
            assert low <= spoilt.level <= high, (good, wrong, number)
            assert abs(clean.distance_mm - spoilt.distance_mm) <= max(far, right) - min(near, right)
            assert not spoilt.emptied
            moved += clean.distance_mm != spoilt.distance_mm
    assert moved > 100  # the wrong ping was not simply never looked at


def test_one_wrong_ping_of_five_never_moves_the_surface_whatever_was_there_before():
    luck = Luck(77)
    for number in range(3000):
        memory = settled(250 + luck.below(900), 2)
        if number % 2:
            judge(memory, burst(250 + luck.below(900)))
        true_mm = 250 + luck.below(900)
        good = [true_mm + luck.below(100) for _ in range(4)]
        wrong = 20 + luck.below(1600)
        verdict = judge(memory, good + [wrong])
        assert verdict.held or min(good) <= verdict.distance_mm <= max(good), (good, wrong, number)


def test_outliers_fall_out_by_the_median_deviation():
    assert agreeing([800, 803, 120, 798, 801]) == [800, 803, 798, 801]
    assert agreeing([800, 803, 2400, 798, 801]) == [800, 803, 798, 801]
    assert agreeing([120]) == [120]
    assert agreeing([3000, 3150, 2850]) == [3000, 3150, 2850]  # far away, a sixteenth is near
    assert agreeing([800, 800, 800, 800, 840]) == [800] * 4
    assert agreeing([800, 820, 800, 790, 840]) == [800, 820, 800, 790, 840]
    assert agreeing([300, 302, 550, 800, 805]) == [550]


def test_quality_falls_with_missing_and_with_scattered_pings():
    assert ping_quality(5, 5, 3, 800) == 100
    assert ping_quality(3, 5, 3, 800) == 60
    assert ping_quality(5, 5, 32, 800) == 90
    assert ping_quality(5, 5, 32, 3200) == 100  # far away, echoes scatter more
    assert ping_quality(1, 5, 0, 800) == 20
    assert ping_quality(5, 5, 2000, 800) == 40
    assert ping_quality(2, 5, 2000, 800) == 0


def test_the_level_is_rounded_and_clipped():
    for mm, percent in ((1200, 0), (200, 100), (695, 51), (694, 51), (50, 100), (2000, 0)):
        assert level(mm, EMPTY_MM, FULL_MM) == percent, mm
    for empty_mm, full_mm in ((0, 0), (500, 500), (0, 200), (200, 500)):
        assert level(800, empty_mm, full_mm) is None


def test_medians_and_nearness():
    assert median([5]) == 5 and median([9, 1, 5]) == 5 and median([4, 1, 3, 2]) == 2
    assert same_mm(100) == 30 and same_mm(1600) == 100
