"""Sensirion SHT31 (SHT30, SHT35): temperature and humidity over I²C, single shots, in integers.

What goes wrong on the bus is a value, not an exception: nothing is given and `fault` says why.
Sections cited are of the SHT3x-DIS data sheet, version 5.
"""

import time
from errno import ETIMEDOUT

from micropython import const

from drivers.sensirion import crc8

ADDRESS = const(0x44)  # ADDR pin low; 0x45 where it is high

_MEASURE = b"\x24\x00"  # high repeatability, no clock stretching (table 9)
_SOFT_RESET = b"\x30\xa2"
_STATUS = b"\xf3\x2d"
_HEATER_ON = const(0x20)  # in the upper byte of the status (table 18)

CONVERSION_MS = const(16)  # 15 ms at most, section 2, and the tick that is already running
_DEADLINE_MS = const(40)
_RESET_MS = const(2)  # 1.5 ms
_GAP_MS = const(2)  # it takes no command within 1 ms of another (section 4.3)

# What the sensor is specified for; anything else is a fault of the sensor, whatever its CRC says.
_LOWEST_DC = const(-400)
_HIGHEST_DC = const(1250)

ABSENT = "absent"  # nobody acknowledged the address
BUS = "bus"  # the bus itself hangs: a line is held low
BUSY = "busy"  # a measurement did not end
CRC = "crc"  # bytes changed on the wire
HEATER = "heater"  # its own heater is on: the numbers are true and useless
RANGE = "range"  # outside of what the sensor can measure


class Sht31:
    """One sensor on `i2c` (`machine.I2C`, up to 400 kHz)."""

    def __init__(self, i2c, address=ADDRESS):
        self._i2c = i2c
        self._address = address
        self._words = bytearray(6)
        self._deadline = None
        self.fault = None  # why the last start(), poll() or reset() gave nothing

    def start(self):
        """Starts a measurement. True, or False with the reason in `fault`; then `poll()`."""
        self._deadline = None
        if not self._command(_MEASURE):
            return False
        self._deadline = time.ticks_add(time.ticks_ms(), _DEADLINE_MS)
        return True

    def poll(self):
        """None while it measures (about CONVERSION_MS), then (temperature 0.1 °C, humidity 0.1 %RH), rounded.

        (None, None) with the reason in `fault` when there is nothing to believe.
        """
        if self._deadline is None:
            raise RuntimeError("not started")
        try:
            self._i2c.readfrom_into(self._address, self._words)
        except OSError as error:
            # It does not acknowledge its address while it measures, as if it were not there (section 4.4).
            if error.errno != ETIMEDOUT and time.ticks_diff(time.ticks_ms(), self._deadline) < 0:
                return None
            return self._fail(BUS if error.errno == ETIMEDOUT else BUSY)
        words = self._words
        if crc8(words, 0) != words[2] or crc8(words, 3) != words[5]:
            return self._fail(CRC)
        temperature = temperature_dc(words[0] << 8 | words[1])
        if not _LOWEST_DC <= temperature <= _HIGHEST_DC:
            return self._fail(RANGE)
        self._deadline = None
        return temperature, humidity_permille(words[3] << 8 | words[4])

    def read(self):
        """`start()`, and `poll()` until it gives something; about 16 ms."""
        if not self.start():
            return None, None
        time.sleep_ms(CONVERSION_MS)
        values = self.poll()
        while values is None:
            time.sleep_ms(1)
            values = self.poll()
        return values

    def is_honest(self):
        """False when the sensor is absent or its heater is on (`fault` says which); takes 2 ms."""
        if not self._command(_STATUS):
            return False
        status = memoryview(self._words)[:3]
        try:
            self._i2c.readfrom_into(self._address, status)
        except OSError as error:
            self.fault = BUS if error.errno == ETIMEDOUT else ABSENT
            return False
        if crc8(status, 0) != status[2]:
            self.fault = CRC
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
        return None, None


def temperature_dc(raw):
    """0.1 °C for the sensor's word (section 4.13), rounded."""
    return (2 * 1750 * raw + 65535) // (2 * 65535) - 450


def humidity_permille(raw):
    """0.1 %RH for the sensor's word (section 4.13), rounded."""
    return (2 * 1000 * raw + 65535) // (2 * 65535)
