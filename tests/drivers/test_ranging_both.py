"""The common part of all rangers: correction for temperature, and reasons that are no numbers."""

from math import sqrt

from drivers.ranging import NO_TARGET, REASONS, TOO_NEAR, distance_mm, in_range, is_mm, rescaled_mm


class Ranger:
    nearest_mm = 30
    farthest_mm = 4500


def test_a_reason_is_no_number():
    assert len(set(REASONS)) == 6
    for reason in REASONS:
        assert not is_mm(reason)
        try:
            reason + 1
        except TypeError:
            continue
        raise AssertionError(reason)
    assert is_mm(0) and is_mm(4500) and not is_mm(None)


def test_only_what_can_be_measured_is_a_distance():
    for mm, expected in ((0, TOO_NEAR), (29, TOO_NEAR), (30, 30), (4500, 4500), (4501, NO_TARGET)):
        assert in_range(Ranger, mm) == expected


def test_pings_need_not_wait_for_the_thermometer():
    for echo_us in range(200, 30_000, 611):
        for assumed_dc in (-200, 0, 200):
            for actual_dc in (-300, -50, 0, 200, 450):
                early = distance_mm(echo_us, assumed_dc)
                right = distance_mm(echo_us, actual_dc)
                assert abs(rescaled_mm(early, assumed_dc, actual_dc) - right) <= 1
    assert rescaled_mm(1234, 150, 150) == 1234


def test_a_fixed_speed_of_340_is_air_of_14_degrees():
    for temperature_dc in range(-200, 401, 50):
        true_mm = 1000 * sqrt(1 + temperature_dc / 2731.5) * 331.3 / 340
        assert abs(rescaled_mm(1000, 144, temperature_dc) - true_mm) <= 4
