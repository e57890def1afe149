"""Battery voltage through a resistor divider on an ADC pin."""

from drivers.reading import objection
from lyhord_wire.codes import BATTERY

NEEDS = ("BATTERY_ADC",)
QUANTITIES = (BATTERY,)

_DIVIDER_MS = 10  # behind its switch: 80 kΩ into the pin and what is soldered beside it

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
        self.fault = None  # why the last poll() gave nothing: NOT_MEASURED (an open pin) or RANGE

    poll_ms = 0

    def start(self):
        """Nothing: an ADC has its value at once."""

    def poll(self):
        """Mean battery voltage in millivolts, rounded, 1000…5500; or the reason, which is in `fault` as
        well."""
        total_uv, least_uv, most_uv = 0, None, 0
        for _ in range(self._samples):
            uv = self._adc.read_uv()
            total_uv += uv
            least_uv = uv if least_uv is None else min(least_uv, uv)
            most_uv = max(most_uv, uv)
        share = self._samples * self._divider_den * 1000
        mv = (total_uv * self._divider_num + share // 2) // share
        self.fault = objection(mv, _LEAST_MV, _MOST_MV, most_uv - least_uv <= _STEADY_UV)
        return self.fault or mv

    def read_mv(self):
        """As `poll()`, but None in place of a reason."""
        result = self.poll()
        return None if self.fault else result


def open(board, _choice):
    """The divider of this board, switched on where it has a switch."""
    from time import sleep_ms

    from machine import ADC, Pin

    if board.BATTERY_ENABLE is not None:
        Pin(board.BATTERY_ENABLE, Pin.OUT, value=board.BATTERY_ENABLE_ON)
        sleep_ms(_DIVIDER_MS)
    adc = ADC(Pin(board.BATTERY_ADC), atten=ADC.ATTN_11DB)
    return Battery(adc, board.BATTERY_DIVIDER_NUM, board.BATTERY_DIVIDER_DEN)
