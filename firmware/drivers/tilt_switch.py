"""A ball or tip-over switch that says whether the node has been turned over; it knows no degrees.

A lid that is opened, a lorry that passes: the ball rattles. Only a switch that says the same every
time is believed; and only a bin that still lies there at the next sample should raise an alarm.
"""

import time

from drivers.reading import NOT_MEASURED, objection
from drivers.sensor import pulled_up

NEEDS = ("TILT_SWITCH",)
QUANTITIES = ()  # it knows no degrees

_READS = 5
_EVERY_MS = 4


class TiltSwitch:
    """The switch on `pin` (input with pull-up). tilted_level: of the pin when it lies.

    0 for a switch that closes to ground when tilted: no current while it stands, and no alarm from a board
    that has none. 1 for one that opens: then a broken wire is an alarm, and so is a missing switch.
    """

    def __init__(self, pin, tilted_level=0):
        self._pin = pin
        self._tilted_level = tilted_level

    poll_ms = 0

    def start(self):
        """Nothing: a switch has its level at once."""

    def poll(self):
        """1 if it lies, 0 if it stands, NOT_MEASURED while it rattles. Takes 16 ms."""
        level = self._pin.value()
        steady = True
        for _ in range(_READS - 1):
            time.sleep_ms(_EVERY_MS)
            steady = steady and self._pin.value() == level
        return NOT_MEASURED if objection(level, 0, 1, steady) else int(level == self._tilted_level)

    def read(self):
        """True if it lies, False if it stands, None while it rattles."""
        lies = self.poll()
        return None if lies == NOT_MEASURED else bool(lies)


def open(board, choice):
    """The switch of this board, `closing` or `opening` when it lies."""
    return TiltSwitch(pulled_up(board, board.TILT_SWITCH), tilted_level=0 if choice == "closing" else 1)
