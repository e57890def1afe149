"""A ball or tip-over switch that says whether the node has been turned over; it knows no degrees.

A lid that is opened, a lorry that passes: the ball rattles. Only a switch that says the same every
time is believed; and only a bin that still lies there at the next sample should raise an alarm.
"""

from time import sleep_ms

from drivers.reading import objection

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

    def read(self):
        """True if it lies, False if it stands, None while it rattles. Takes 16 ms."""
        level = self._pin.value()
        steady = True
        for _ in range(_READS - 1):
            sleep_ms(_EVERY_MS)
            steady = steady and self._pin.value() == level
        return None if objection(level, 0, 1, steady) else level == self._tilted_level
