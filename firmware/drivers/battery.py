"""Battery voltage through a resistor divider on an ADC pin."""


class Battery:
    """`adc` with `read_uv()` (MicroPython's calibrated microvolts); the pin sees the battery times den/num.

    samples: readings per value; the ESP32's ADC is noisy by some ten millivolts.
    """

    def __init__(self, adc, divider_num=2, divider_den=1, samples=16):
        self._adc = adc
        self._divider_num = divider_num
        self._divider_den = divider_den
        self._samples = samples

    def read_mv(self):
        """Mean battery voltage in millivolts, rounded."""
        total_uv = 0
        for _ in range(self._samples):
            total_uv += self._adc.read_uv()
        share = self._samples * self._divider_den * 1000
        return (total_uv * self._divider_num + share // 2) // share
