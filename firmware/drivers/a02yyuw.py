"""DFRobot A02YYUW (DYP-A02 with UART output): waterproof, 30…4500 mm, a message every 100…300 ms.

With the sensor's RX line high or open it sends filtered values (100…300 ms apart), with RX low raw
ones (100 ms). Raw ones are better here: pings that the sensor has already averaged are not
independent, and their agreement would prove nothing. Wire RX to ground or to an output that is low.
"""

from drivers.range_frames import BinaryFrames
from drivers.ranging import GARBLED, RANGED, in_range
from drivers.sensor import SERIAL, trigger, uart
from drivers.serial_ranger import SerialRanger

NEEDS = SERIAL
QUANTITIES = RANGED

# 0: towards an open space, and with its transducer covered. The codes are other makes' (DYP): no object, and
# the sound of another ranger.
_NO_ECHO = 0
_NO_OBJECT = 0xFFFD
_DISTURBED = 0xFFFE


class A02yyuw(SerialRanger):
    """The sensor on `uart`, see `drivers.ranging` for the interface."""

    nearest_mm = 30
    farthest_mm = 4500
    every_ms = 100
    settle_ms = 100
    deadline_ms = 700  # two messages of the slow, filtered kind

    # Its data sheet does not say how it counts with temperature, so nothing is corrected twice.
    compensates = True

    def __init__(self, uart):
        super().__init__(uart, BinaryFrames(codes=(_NO_OBJECT, _DISTURBED)))

    def read_mm(self, mm):
        return GARBLED if mm == _DISTURBED else in_range(self, mm, (_NO_ECHO, _NO_OBJECT))


def open(board, _choice):
    """The ranger of this board, told by a low line to send raw values."""
    trigger(board)
    return A02yyuw(uart(board))
