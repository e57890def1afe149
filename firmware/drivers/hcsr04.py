"""HC-SR04 ultrasonic ranger (and its like in pulse mode): the length of one echo, and its distance.

One ping is one number; how many pings, at least 60 ms apart, and what to make of them is the caller's.
The interface is that of `drivers.ranging`; a pulse ranger does the whole ping in `poll`.
"""

import time

from drivers.ranging import NO_TARGET, RANGED, SILENT, STUCK, distance_mm, in_range
from drivers.sensor import PULSE, echo, trigger

NEEDS = PULSE
QUANTITIES = RANGED

_TRIGGER_US = 10  # data sheet: at least 10 us
_TIMEOUT_US = 30_000  # 5 m there and back; without an echo the sensor holds its line for 38 ms or more

# What the pulse measurement gives in place of a length: two of machine.time_pulse_us, and one of ours.
_ENDLESS = -1
_NEVER_BEGAN = -2
_STUCK = -3


class HcSr04:
    """A ranger with its `trigger` (output) and `echo` (input, level-shifted to 3.3 V) pins.

    timeout_us: longest echo, and longest wait for its beginning.
    """

    nearest_mm = 20  # data sheet: 2 cm … 4 m
    farthest_mm = 4000
    every_ms = 60  # data sheet: an echo of the last ping must have died away
    settle_ms = 50
    poll_ms = 5
    compensates = False
    air_dc = 200

    def __init__(self, trigger, echo, timeout_us=_TIMEOUT_US, trigger_us=_TRIGGER_US):
        from machine import time_pulse_us  # here, because distance_mm is also used where there is no machine

        self._time_pulse_us = time_pulse_us
        self._trigger = trigger
        self._echo = echo
        self._timeout_us = timeout_us
        self._trigger_us = trigger_us
        trigger.value(0)

    def start(self):
        """Nothing: the ping is poll's, because its echo begins before anybody could come back to it."""

    def poll(self):
        """Pings: millimetres in air of `air_dc` (0.1 °C), or NO_TARGET, TOO_NEAR, SILENT, STUCK.

        Never None. Takes at most twice the timeout.
        """
        echo_us = self._measure()
        if echo_us > 0:
            return in_range(self, distance_mm(echo_us, self.air_dc))
        if echo_us == _STUCK:
            return STUCK
        return SILENT if echo_us == _NEVER_BEGAN else NO_TARGET

    def ping_us(self):
        """Microseconds that the sound was under way, there and back; None without an echo."""
        echo_us = self._measure()
        return echo_us if echo_us > 0 else None

    def _measure(self):
        # What is left of an earlier ping's pulse, or a stuck line, would read as something near.
        if self._echo.value():
            return _STUCK
        self._trigger.value(1)
        time.sleep_us(self._trigger_us)
        self._trigger.value(0)
        return self._time_pulse_us(self._echo, 1, self._timeout_us) or _NEVER_BEGAN


def open(board, _choice):
    """The ranger of this board."""
    return HcSr04(trigger(board), echo(board))
