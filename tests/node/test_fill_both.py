"""From echoes to a fill level."""

from lyhord_node.fill import agreeing, level, median, quality


def test_the_median_of_odd_and_even_counts():
    assert median([5]) == 5
    assert median([9, 1, 5]) == 5
    assert median([4, 1, 3, 2]) == 2


def test_a_flap_and_a_missing_floor_fall_out():
    assert agreeing([800, 803, 120, 798, 801]) == [800, 803, 798, 801]
    assert agreeing([800, 803, 2400, 798, 801]) == [800, 803, 798, 801]
    assert agreeing([120]) == [120]
    assert agreeing([3000, 3150, 2850]) == [3000, 3150, 2850]  # far away, a sixteenth is near


def test_quality_falls_with_missing_and_with_scattered_echoes():
    assert quality([800, 801, 799, 800, 802], 5) == 100
    assert quality([800, 801, 799], 5) == 60
    assert quality([800, 801, 830, 800, 802], 5) == 90
    assert quality([100], 5) == 20
    assert quality([], 5) == 0
    assert quality([0, 1000], 5) == 0


def test_the_level_is_rounded_and_clipped():
    assert level(1200, 1200, 200) == 0
    assert level(200, 1200, 200) == 100
    assert level(695, 1200, 200) == 51
    assert level(694, 1200, 200) == 51
    assert level(50, 1200, 200) == 100
    assert level(2000, 1200, 200) == 0


def test_without_the_bins_distances_there_is_no_level():
    assert level(800, 0, 0) is None
    assert level(800, 500, 500) is None
    assert level(800, 0, 200) is None
