"""Battery voltage: mean of many readings, times the divider."""

from drivers.battery import Battery
from drivers.reading import NOT_MEASURED, RANGE


class Adc:
    def __init__(self, *readings_uv):
        self.readings_uv = readings_uv
        self.count = 0

    def read_uv(self):
        self.count += 1
        return self.readings_uv[(self.count - 1) % len(self.readings_uv)]


def test_voltage_is_the_rounded_mean_times_the_divider():
    for readings_uv, num, den, expected_mv in (
        ((1_850_000,), 2, 1, 3700),
        ((1_840_000, 1_860_000), 2, 1, 3700),
        ((1_500_499,), 1, 1, 1500),
        ((1_500_500,), 1, 1, 1501),
        ((750_000,), 49, 10, 3675),
    ):
        adc = Adc(*readings_uv)
        assert Battery(adc, num, den).read_mv() == expected_mv
        assert adc.count == 16


def test_what_is_no_battery_is_no_voltage():
    for readings_uv, num, den, fault in (
        ((0,), 2, 1, RANGE),  # shorted, or the divider is open
        ((142_000,), 2, 1, RANGE),  # the least that the ADC shows
        ((499_000,), 2, 1, RANGE),
        ((2_760_000,), 2, 1, RANGE),
        ((3_100_000,), 2, 1, RANGE),  # saturated
        ((3_100_000,), 49, 10, RANGE),
        ((600_000, 2_900_000), 2, 1, NOT_MEASURED),  # an open pin
        ((0, 0, 0, 1_900_000), 2, 1, NOT_MEASURED),
        ((1_850_000, 1_850_000, 1_500_000), 2, 1, NOT_MEASURED),
    ):
        battery = Battery(Adc(*readings_uv), num, den)
        assert battery.read_mv() is None and battery.fault == fault, readings_uv
    assert Battery(Adc(1_700_000, 1_900_000)).read_mv() == 3600  # a noisy ADC, and a battery


def test_the_number_of_samples_is_the_callers():
    adc = Adc(1_000_000)
    assert Battery(adc, samples=3).read_mv() == 2000
    assert adc.count == 3
