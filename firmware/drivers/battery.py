"""Battery voltage through a resistor divider on an ADC pin."""

from drivers.reading import objection

_LEAST_MV = 1000  # less is an open or shorted divider: the node would not be running
_MOST_MV = 5500  # more is a pin at its end: no cell that a node runs on has it
_STEADY_UV = 250_000  # readings of one battery lie nearer together; an open pin picks up the mains


class Battery:
    """`adc` with `read_uv()` (MicroPython's calibrated microvolts); the pin sees the battery times den/num.

    samples: readings per value; the ESP32's ADC is noisy by some ten millivolts.
    """

    def __init__(self, adc, divider_num=2, divider_den=1, samples=16):
        self._adc = adc
        self._divider_num = divider_num
        self._divider_den = divider_den
        self._samples = samples
        self.fault = None  # why the last read_mv() gave nothing: NOT_MEASURED (an open pin) or RANGE

    def read_mv(self):
        """Mean battery voltage in millivolts, rounded, 1000…5500; None with the reason in `fault`."""
        total_uv, least_uv, most_uv = 0, None, 0
        for _ in range(self._samples):
            uv = self._adc.read_uv()
            total_uv += uv
            least_uv = uv if least_uv is None else min(least_uv, uv)
            most_uv = max(most_uv, uv)
        share = self._samples * self._divider_den * 1000
        mv = (total_uv * self._divider_num + share // 2) // share
        self.fault = objection(mv, _LEAST_MV, _MOST_MV, most_uv - least_uv <= _STEADY_UV)
        return None if self.fault else mv
