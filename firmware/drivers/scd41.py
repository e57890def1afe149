"""Sensirion SCD41 (and SCD43): CO2 by single shots of 5 s over I²C, asleep in between. An SCD40 has none.

    asleep ──wake()──▶ idle ──start()──▶ measures 5 s ──poll()──▶ idle ──sleep()──▶ asleep

The first shot after a wake or after power-on is to be discarded; `read` does. What goes wrong on the bus is a
value, not an exception: nothing is given and `fault` says why. Commands and times are those of Sensirion's
own driver (embedded-i2c-scd4x, model 2.0).
"""

import time

from micropython import const

from drivers.reading import RANGE, objection
from drivers.sensirion import ABSENT, BUSY, Sensirion

ADDRESS = const(0x62)

_WAKE = b"\x36\xf6"
_SLEEP = b"\x36\xe0"
_SINGLE_SHOT = b"\x21\x9d"
_READ = b"\xec\x05"

WAKE_MS = const(30)  # from wake or power-on to the first command
SHOT_MS = const(5_000)
_DEADLINE_MS = const(6_000)
_EXECUTE_MS = const(1)
_POLL_MS = const(50)

# Air outdoors has 420 ppm, the sensor is good to 50 ppm and 5 %, and 40000 is where it ends.
_LEAST_PPM = const(300)
_MOST_PPM = const(39_999)


class Scd41(Sensirion):
    """One sensor on `i2c` (`machine.I2C`, up to 100 kHz)."""

    def __init__(self, i2c, address=ADDRESS):
        super().__init__(i2c, address, 3)

    def wake(self):
        """Out of its sleep, and of a start that has just begun; it acknowledges that never. Takes 30 ms."""
        self._command(_WAKE)
        self.fault = None
        time.sleep_ms(WAKE_MS)

    def start(self):
        """Begins a single shot. True, or False with the reason in `fault`; then `poll()`."""
        return self._begin(_SINGLE_SHOT, _DEADLINE_MS)

    def poll(self):
        """None while it measures (SHOT_MS), then the CO2 in ppm, or False with the reason in `fault`."""
        if self._deadline is None:
            raise RuntimeError("not started")
        # While it measures it acknowledges nothing, as if it were not there.
        if not self._command(_READ):
            if self.fault == ABSENT and not self._is_late():
                return None
            return self._fail()
        time.sleep_ms(_EXECUTE_MS)
        if not self._receive(self._words):
            return self._fail()
        ppm = self._words[0] << 8 | self._words[1]
        self._deadline = None
        # It gives each measurement once, and refuses a read without one: the read itself is the proof.
        self.fault = objection(ppm, _LEAST_PPM, _MOST_PPM)
        return False if self.fault else ppm

    def sleep(self):
        """To sleep, which costs next to nothing, while idling costs some 0.2 mA; from idle only."""
        fault = self.fault
        self._command(_SLEEP)
        self.fault = fault

    def read(self, wait_ms=time.sleep_ms):
        """CO2 in ppm, or None with the reason in `fault`. Takes some 10 s, most of it in `wait_ms`."""
        self.wake()
        result = False
        for _ in range(2):
            result = self._shot(wait_ms)
            if result is False and self.fault != RANGE:  # what the first shot says means nothing
                break
        self.sleep()
        return None if result is False else result

    def _shot(self, wait_ms):
        if not self.start():
            return False
        wait_ms(SHOT_MS)
        result = self.poll()
        while result is None:
            time.sleep_ms(_POLL_MS)
            result = self.poll()
        return result

    def _fail(self):
        self._deadline = None
        if self.fault == ABSENT:  # it had taken the command
            self.fault = BUSY
        return False
