"""Sensirion SCD41 (and SCD43): CO2 by single shots of 5 s over I²C, asleep in between. An SCD40 has none.

    asleep ──wake()──▶ idle ──start()──▶ measures 5 s ──poll()──▶ idle ──sleep()──▶ asleep

The first shot after a wake or after power-on is to be discarded; `read` does. What goes wrong on the bus is a
value, not an exception: nothing is given and `fault` says why. Commands and times are those of Sensirion's
own driver (embedded-i2c-scd4x, model 2.0).
"""

import time
from errno import ETIMEDOUT

from micropython import const

from drivers.sensirion import crc8

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

ABSENT = "absent"  # nobody acknowledged the address
BUS = "bus"  # the bus itself hangs: a line is held low
BUSY = "busy"  # a measurement did not end
CRC = "crc"  # bytes changed on the wire
RANGE = "range"  # what it says cannot be


class Scd41:
    """One sensor on `i2c` (`machine.I2C`, up to 100 kHz)."""

    def __init__(self, i2c, address=ADDRESS):
        self._i2c = i2c
        self._address = address
        self._words = bytearray(9)
        self._deadline = None
        self.fault = None  # why the last start(), poll() or read() gave nothing

    def wake(self):
        """Out of its sleep, and of a start that has just begun; it acknowledges that never. Takes 30 ms."""
        self._command(_WAKE)
        self.fault = None
        time.sleep_ms(WAKE_MS)

    def start(self):
        """Begins a single shot. True, or False with the reason in `fault`; then `poll()`."""
        self._deadline = None
        if not self._command(_SINGLE_SHOT):
            return False
        self._deadline = time.ticks_add(time.ticks_ms(), _DEADLINE_MS)
        return True

    def poll(self):
        """None while it measures (SHOT_MS), then the CO2 in ppm, or False with the reason in `fault`."""
        if self._deadline is None:
            raise RuntimeError("not started")
        # While it measures it acknowledges nothing, as if it were not there.
        if not self._command(_READ):
            if self.fault == BUS:
                return self._fail(BUS)
            if time.ticks_diff(time.ticks_ms(), self._deadline) < 0:
                return None
            return self._fail(BUSY)
        time.sleep_ms(_EXECUTE_MS)
        words = self._words
        try:
            self._i2c.readfrom_into(self._address, words)
        except OSError as error:
            return self._fail(BUS if error.errno == ETIMEDOUT else BUSY)
        if crc8(words, 0) != words[2] or crc8(words, 3) != words[5] or crc8(words, 6) != words[8]:
            return self._fail(CRC)
        ppm = words[0] << 8 | words[1]
        if not _LEAST_PPM <= ppm <= _MOST_PPM:
            return self._fail(RANGE)
        self._deadline = None
        return ppm

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

    def _command(self, command):
        self.fault = None
        try:
            self._i2c.writeto(self._address, command)
        except OSError as error:
            self.fault = BUS if error.errno == ETIMEDOUT else ABSENT
            return False
        return True

    def _fail(self, fault):
        self._deadline = None
        self.fault = fault
        return False
