"""Battery voltage: mean of many readings, times the divider."""

from drivers.battery import Battery


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
        ((500_499,), 1, 1, 500),
        ((500_500,), 1, 1, 501),
        ((750_000,), 49, 10, 3675),
        ((0,), 2, 1, 0),
    ):
        adc = Adc(*readings_uv)
        assert Battery(adc, num, den).read_mv() == expected_mv
        assert adc.count == 16


def test_the_number_of_samples_is_the_callers():
    adc = Adc(1_000_000)
    assert Battery(adc, samples=3).read_mv() == 2000
    assert adc.count == 3
