"""Echo to distance, on both interpreters, against the exact law of the speed of sound."""

from math import sqrt

from drivers.hcsr04 import distance_mm


def test_distances_stay_within_the_promised_bound():
    worst = 0
    for temperature_dc in range(-400, 501, 10):
        exact_m_s = 331.3 * sqrt(1 + temperature_dc / 2731.5)
        for echo_us in range(100, 40_000, 777):
            exact_mm = echo_us * exact_m_s / 2000
            error_mm = abs(distance_mm(echo_us, temperature_dc) - exact_mm)
            assert error_mm <= exact_mm * 0.0035 + 0.5, (echo_us, temperature_dc)
            worst = max(worst, error_mm / exact_mm if exact_mm > 1000 else 0)
    assert worst > 0.002  # the bound is not a guess far away


def test_distances_are_the_nearest_millimetre_of_the_linear_law():
    for echo_us, temperature_dc, expected_mm in (
        (5824, 200, 1000),
        (1000, 0, 166),
        (1000, 200, 172),
        (1000, -200, 160),
        (23_300, 200, 4001),
        (58, 200, 10),
        (0, 200, 0),
    ):
        assert distance_mm(echo_us, temperature_dc) == expected_mm, (echo_us, temperature_dc)
