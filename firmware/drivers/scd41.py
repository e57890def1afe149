"""Sensirion SCD41 (and SCD43): CO2 by single shots of 5 s over I²C, asleep in between. An SCD40 has none.

    asleep ──start()──▶ idle ──▶ measures 5 s ──poll()──▶ idle ──▶ measures 5 s ──poll()──▶ idle ──▶ asleep

The first shot after a wake or after power-on is to be discarded; `poll` does. What goes wrong on the bus is a
value, not an exception: nothing is given and `fault` says why. Commands and times are those of Sensirion's
own driver (embedded-i2c-scd4x, model 2.0).
"""

import time

from micropython import const

from drivers.reading import objection
from drivers.sensirion import ABSENT, BUSY, Sensirion
from drivers.sensor import I2C, i2c, result_of
from lyhord_wire.codes import CO2

NEEDS = I2C
QUANTITIES = (CO2,)

ADDRESS = const(0x62)

_WAKE = b"\x36\xf6"
_SLEEP = b"\x36\xe0"
_SINGLE_SHOT = b"\x21\x9d"
_READ = b"\xec\x05"

WAKE_MS = const(30)  # from wake or power-on to the first command
SHOT_MS = const(5_000)
_DEADLINE_MS = const(6_000)
_SHOTS = const(2)
_EXECUTE_MS = const(1)
_POLL_MS = const(50)

# Air outdoors has 420 ppm, the sensor is good to 50 ppm and 5 %, and 40000 is where it ends.
_LEAST_PPM = const(300)
_MOST_PPM = const(39_999)


class Scd41(Sensirion):
    """One sensor on `bus` (`machine.I2C`, up to 100 kHz)."""

    def __init__(self, bus, address=ADDRESS):
        super().__init__(bus, address, 3)
        self._shots = 0
        self.poll_ms = SHOT_MS

    def start(self):
        """Wakes it and begins the first shot, in 30 ms. True, or False with the reason in `fault`; then
        `poll()`."""
        self._command(_WAKE)  # which it never acknowledges
        time.sleep_ms(WAKE_MS)
        self._shots = _SHOTS
        return self._begin_shot()

    def poll(self):
        """None while it measures (two shots of SHOT_MS), then the CO2 in ppm; or the reason, also in
        `fault`."""
        if self._deadline is None:
            if self.fault is None:
                raise RuntimeError("not started")
            return self.fault
        # While it measures it acknowledges nothing, as if it were not there.
        if not self._command(_READ):
            if self.fault == ABSENT and not self._is_late():
                self.poll_ms = _POLL_MS
                return None
            return self._end(BUSY if self.fault == ABSENT else self.fault)  # it had taken the command
        time.sleep_ms(_EXECUTE_MS)
        if not self._receive(self._words):
            return self._end(BUSY if self.fault == ABSENT else self.fault)
        ppm = self._words[0] << 8 | self._words[1]
        self._shots -= 1
        if self._shots:  # what the first says means nothing
            return None if self._begin_shot() else self._end(self.fault)
        # It gives each measurement once, and refuses a read without one: the read itself is the proof.
        return self._end(objection(ppm, _LEAST_PPM, _MOST_PPM), ppm)

    def read(self, nap_ms=None):
        """`start()`, and `poll()` until it gives something: ppm, or None with the reason in `fault`. Takes
        some 10 s, most of it in `nap_ms`."""
        self.start()
        result = result_of(self, nap_ms)
        return None if self.fault else result

    def _begin_shot(self):
        begun = self._begin(_SINGLE_SHOT, _DEADLINE_MS)
        self.poll_ms = SHOT_MS if begun else 0
        return begun

    def _end(self, fault, ppm=None):
        """To sleep, which costs next to nothing, while idling costs some 0.2 mA; from idle only."""
        self._deadline = None
        self._command(_SLEEP)
        self.fault = fault
        return fault or ppm


def open(board, _choice):
    """The sensor on this board's bus."""
    return Scd41(i2c(board))
