"""JSN-SR04T and AJ-SR04M: waterproof probe on a cable, blind below 25 cm, three ways to talk to it.

The resistor R27 (R19 on some) chooses the way: open = pulses as an HC-SR04, 47 kΩ = a message every
100 ms by itself, 120 kΩ = a message for each 0x55 it is sent. Both serial ways: 9600 baud.
"""

from drivers.hcsr04 import HcSr04
from drivers.range_frames import BinaryFrames
from drivers.ranging import RANGED, in_range, rescaled_mm
from drivers.sensor import SERIAL, echo, trigger, uart
from drivers.serial_ranger import SerialRanger

NEEDS = SERIAL
QUANTITIES = RANGED

_NEAREST_MM = 250  # sellers say 200…250; nearer, it shows the second bounce or its own ringing
_FARTHEST_MM = 4500
_SETTLE_MS = 250  # nobody says how long it starts up; a request that comes too early is not heard
_NO_ECHO = 0
_ANSWER_MS = 5  # an echo from the nearest distance, and four bytes
_ASSUMED_DC = 144  # its firmware counts with 340 m/s, which is air of 14.4 °C

REQUEST = b"\x55"


class JsnSr04tPulse(HcSr04):
    """With `trigger` and `echo` pins: an HC-SR04 with a longer trigger; without an echo it takes 60 ms."""

    nearest_mm = _NEAREST_MM
    farthest_mm = _FARTHEST_MM
    every_ms = 100
    settle_ms = _SETTLE_MS

    def __init__(self, trigger, echo):
        super().__init__(trigger, echo, timeout_us=30_000, trigger_us=20)


class JsnSr04t(SerialRanger):
    """On `uart`. header_in_sum: JSN boards count FF into their checksum, most AJ-SR04M boards do not.

    request: what makes it measure, None where it does by itself. V3.3 boards compensate temperature
    themselves, older ones do not: `compensates`.
    """

    nearest_mm = _NEAREST_MM
    farthest_mm = _FARTHEST_MM
    every_ms = 100
    settle_ms = _SETTLE_MS
    deadline_ms = 300

    def __init__(self, uart, request=REQUEST, header_in_sum=True, compensates=False):
        super().__init__(uart, BinaryFrames(header_in_sum))
        self._request = request
        if request is not None:
            self.earliest_ms = _ANSWER_MS
        self.compensates = compensates

    def request(self):
        if self._request is not None:
            self._uart.write(self._request)

    def read_mm(self, mm):
        """A sensor that counts with 340 m/s is corrected."""
        result = in_range(self, mm, (_NO_ECHO,))  # the blind zone is the sensor's own, before any correction
        if result != mm or self.compensates:
            return result
        return rescaled_mm(mm, _ASSUMED_DC, self.air_dc)


def open(board, choice):
    """The ranger of this board: jsn_sr04t (pulses), jsn_sr04t_auto, _asked, _v3 (compensates) or aj_sr04m."""
    line = trigger(board)
    if choice == "jsn_sr04t":
        return JsnSr04tPulse(line, echo(board))
    if choice == "jsn_sr04t_auto":
        return JsnSr04t(uart(board), request=None)
    asked = uart(board, tx=board.ULTRASONIC_TRIGGER)
    return JsnSr04t(asked, REQUEST, choice != "aj_sr04m", compensates=choice == "jsn_sr04t_v3")
