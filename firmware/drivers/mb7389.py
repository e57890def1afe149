"""MaxBotix MB7389 (HRXL-MaxSonar-WRMT): weather resistant, 300…5000 mm, reports the largest target.

It says 300 for everything nearer than that, its own cover in ice included, and 5000 for no target:
neither is a distance. It compensates temperature itself.
"""

import time

from micropython import const

from drivers.range_frames import TextFrames
from drivers.ranging import GARBLED, RANGED, in_range
from drivers.sensor import SERIAL, trigger, uart
from drivers.serial_ranger import SerialRanger

NEEDS = SERIAL
QUANTITIES = RANGED

_BLIND_MM = const(300)
_NOTHING_MM = const(5000)
_ANSWER_MS = const(100)  # data sheet: serial data 140 ms after the trigger
_TRIGGER_US = const(100)  # data sheet: over 20 us, under 147 ms or it runs free


class Mb7389(SerialRanger):
    """On `uart`. With a `trigger` pin (its pin 4) it measures when told and does not filter.

    Without (pin 4 open) it runs free, and its filter over the last readings (1.3 Hz) makes pings agree
    that are not independent.
    """

    nearest_mm = _BLIND_MM + 1
    farthest_mm = _NOTHING_MM - 1
    every_ms = 150  # data sheet: 148 ms cycle
    settle_ms = 160
    deadline_ms = 400  # free running, a message that has just been missed, and the next; 140 ms each
    compensates = True

    def __init__(self, uart, trigger=None):
        super().__init__(uart, TextFrames())
        self._trigger = trigger
        if trigger is not None:
            trigger.value(0)
            self.earliest_ms = _ANSWER_MS

    def request(self):
        if self._trigger is not None:
            self._trigger.value(1)
            time.sleep_us(_TRIGGER_US)
            self._trigger.value(0)

    def read_mm(self, mm):
        return in_range(self, mm) if _BLIND_MM <= mm <= _NOTHING_MM else GARBLED


def open(board, _choice):
    """The ranger of this board; before it has power, so that it waits for its first trigger."""
    return Mb7389(uart(board), trigger(board))
