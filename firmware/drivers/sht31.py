"""Sensirion SHT31 (SHT30, SHT35): temperature and humidity over I²C, single shots, in integers.

What goes wrong on the bus is a value, not an exception: nothing is given and `fault` says why.
Sections cited are of the SHT3x-DIS data sheet, version 5.
"""

import time

from micropython import const

from drivers.reading import objection
from drivers.sensirion import ABSENT, BUSY, Sensirion
from drivers.sensor import I2C, i2c, result_of
from lyhord_wire.codes import HUMIDITY, TEMPERATURE

NEEDS = I2C
QUANTITIES = (TEMPERATURE, HUMIDITY)

ADDRESS = const(0x44)  # ADDR pin low; 0x45 where it is high

_MEASURE = b"\x24\x00"  # high repeatability, no clock stretching (table 9)
_SOFT_RESET = b"\x30\xa2"
_STATUS = b"\xf3\x2d"
_HEATER_ON = const(0x20)  # in the upper byte of the status (table 18)

_DEADLINE_MS = const(40)  # 15 ms by section 2
_RESET_MS = const(2)  # 1.5 ms
_GAP_MS = const(2)  # it takes no command within 1 ms of another (section 4.3)

# What the sensor is specified for; anything else is a fault of the sensor, whatever its CRC says.
_LOWEST_DC = const(-400)
_HIGHEST_DC = const(1250)

HEATER = "heater"  # a fault: its own heater is on, the numbers are true and useless


class Sht31(Sensirion):
    """One sensor on `bus` (`machine.I2C`, up to 400 kHz)."""

    poll_ms = 2

    def __init__(self, bus, address=ADDRESS):
        super().__init__(bus, address, 2)
        self._measures = False  # it has refused to be read while it should measure

    def start(self):
        """Starts a measurement, in some 5 ms. True, or False with the reason in `fault`; then `poll()`."""
        self._deadline = None
        if not self.is_honest():
            why = self.fault
            self.reset()  # a heater warms what it measures: the next sample is true again
            self.fault = why
            return False
        if not self._begin(_MEASURE, _DEADLINE_MS):
            return False
        self._measures = self._is_measuring()
        self.fault = None
        return True

    def poll(self):
        """None while it measures (15 ms at most), then (temperature 0.1 °C, humidity 0.1 %RH), rounded; or
        the reason, which is in `fault` as well."""
        if self._deadline is None:
            if self.fault is None:
                raise RuntimeError("not started")
            return self.fault
        words = self._words
        if not self._receive(words):
            # It does not acknowledge its address while it measures, as if it were not there (section 4.4).
            if self.fault == ABSENT:
                if not self._is_late():
                    return None
                self.fault = BUSY
            self._deadline = None
            return self.fault
        self._deadline = None
        temperature = temperature_dc(words[0] << 8 | words[1])
        self.fault = objection(temperature, _LOWEST_DC, _HIGHEST_DC, self._measures)
        return self.fault or (temperature, humidity_permille(words[3] << 8 | words[4]))

    def read(self):
        """`start()`, and `poll()` until it gives something; about 20 ms. Nulls with the reason in `fault`."""
        self.start()
        result = result_of(self)
        return (None, None) if self.fault else result

    def is_honest(self):
        """False when the sensor is absent or its heater is on (`fault` says which); takes 2 ms."""
        if not self._command(_STATUS):
            return False
        status = memoryview(self._words)[:3]
        if not self._receive(status):
            return False
        time.sleep_ms(_GAP_MS)
        if status[0] & _HEATER_ON:
            self.fault = HEATER
            return False
        return True

    def reset(self):
        """Soft reset, 2 ms: ends a measurement, switches the heater off. False when nobody is there."""
        self._deadline = None
        if not self._command(_SOFT_RESET):
            return False
        time.sleep_ms(_RESET_MS)
        return True


def temperature_dc(raw):
    """0.1 °C for the sensor's word (section 4.13), rounded."""
    return (2 * 1750 * raw + 65535) // (2 * 65535) - 450


def humidity_permille(raw):
    """0.1 %RH for the sensor's word (section 4.13), rounded."""
    return (2 * 1000 * raw + 65535) // (2 * 65535)


def open(board, _choice):
    """The sensor on this board's bus."""
    return Sht31(i2c(board))
