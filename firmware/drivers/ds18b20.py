"""DS18B20 1-Wire thermometer, and what is sold as one, over MicroPython's `onewire.OneWire`.

What goes wrong on the wire is a value, not an exception: `poll` gives the reason and `fault` keeps it.

Before its first conversion the part answers with a number and a right checksum: 85.0 °C, or 25.0 °C, or
what it knew before its power went. No byte of the scratchpad tells that apart in all makes (byte 6 does in
genuine parts only, see the survey of C. Petrich, counterfeit_DS18B20). So a number is believed by what
the part did, not by what it looks like:

    settings written ─▶ scratchpad read ─▶ Convert ─▶ its read slots are 0 ─▶ … 1 ─▶ read twice ─▶ compared

A part holds its read slots at 0 from the Convert command to the end of the conversion, 11 ms (family D1) to
750 ms, whatever resolution it was told: that it does is the proof that it converts, and when it ends, it has.
A reset of the part on the way (its supply sagged) is seen by its settings, which fall back.
"""

import time

from micropython import const

from drivers.reading import NOT_MEASURED, objection
from lyhord_wire.codes import TEMPERATURE

NEEDS = ("ONE_WIRE",)
QUANTITIES = (TEMPERATURE,)

_SKIP_ROM = const(0xCC)
_CONVERT = const(0x44)
_READ_SCRATCHPAD = const(0xBE)
_WRITE_SCRATCHPAD = const(0x4E)

_FAMILY = const(0x28)
_POWER_ON_RAW = const(0x0550)  # 85 °C: genuine parts, families A2, B, C, E
_POWER_ON_RAW_D = const(0x0190)  # 25 °C: family D
_FAILED_RAW = const(0x07FF)
_LOWEST_DC = const(-550)
_HIGHEST_DC = const(1250)
# Into the alarm registers, which nothing here uses: no make has these two after its power came.
_MARK_HIGH = const(0x3A)
_MARK_LOW = const(0xC5)
_BITS = const(11)  # 0.125 °C in 375 ms: the pings take that long anyway, 12 bits would double it

_CONVERSION_MS = (94, 188, 375, 750)  # 9…12 bits, data sheet table 3
_FASTEST_MS = const(3)  # family D1 takes 11 ms: slots that are 0 for less were a disturbance
_LONGEST_MS = const(1000)  # 750 by the data sheet; some clones are slower when warm

ABSENT = "absent"  # nobody answered the reset
CRC = "crc"  # bytes changed on the wire, or a shorted line that reads as zeros
BUSY = "busy"  # a conversion did not end
FAILED = "failed"  # the sensor itself gave up a conversion


class Ds18b20:
    """One sensor on `bus` (an `onewire.OneWire`), with a supply wire of its own (no parasite power).

    rom: its 8 bytes, or None where it is alone on the bus; bits: see `set_resolution`.
    """

    poll_ms = 10
    settle_ms = 50

    def __init__(self, bus, rom=None, bits=12):
        self._bus = bus
        self._rom = rom
        self._scratchpad = bytearray(9)
        self._before = bytearray(9)  # as it was when the conversion began
        self._config = _config(bits)
        self._began = None
        self._converts = False
        self.fault = None  # why the last poll(), start() or set_resolution() gave nothing

    def start(self):
        """Starts a conversion, in some 10 ms. True, or False with the reason in `fault`. Then `poll()`."""
        self._began = None
        if not self._read(self._before):
            return False
        if self._before[2] != _MARK_HIGH or self._before[3] != _MARK_LOW or self._before[4] != self._config:
            # Nobody has set it since its power came, or that was lost on the wire; some clones keep 12 bits.
            if not self._write_settings() or not self._read(self._before):
                return False
        if not self._select():
            return False
        self._bus.writebyte(_CONVERT)
        self._began = time.ticks_ms()
        self._converts = not self._bus.readbit()
        if self._converts:
            time.sleep_ms(_FASTEST_MS)
            self._converts = not self._bus.readbit()
        return True

    def poll(self):
        """None while it converts, 1 s at most; then the temperature in 0.1 °C, or the reason, which is in
        `fault` as well. One conversion gives one reading."""
        if self._began is None:
            self.fault = self.fault or NOT_MEASURED
            return self.fault
        ended = self._has_ended()
        if ended is None:
            return None
        self._began = None
        pad = self._scratchpad
        # Twice, because one of 256 disturbances has a right CRC.
        if not ended or not self._read(pad):
            return self.fault
        first = bytes(pad)
        if not self._read(pad):
            return self.fault
        if first != pad:
            self.fault = CRC
            return CRC
        raw = pad[1] << 8 | pad[0]
        temperature = _temperature_dc(pad)
        never = (_FAILED_RAW,)
        self.fault = objection(temperature, _LOWEST_DC, _HIGHEST_DC, self._has_converted(), raw, never)
        if raw == _FAILED_RAW and self.fault != NOT_MEASURED:
            self.fault = FAILED
        return self.fault or temperature

    def read_dc(self):
        """`poll()` until it gives something: 0.1 °C, or None with the reason in `fault`."""
        result = self.poll()
        while result is None:
            time.sleep_ms(self.poll_ms)
            result = self.poll()
        return None if self.fault else result

    def set_resolution(self, bits):
        """9…12 bits (0.5…0.0625 °C) until the next power-on. False when no sensor is there.

        Some clones measure with 12 bits whatever they are told.
        """
        self._config = _config(bits)
        return self._write_settings()

    def _write_settings(self):
        if not self._select():
            return False
        for byte in (_WRITE_SCRATCHPAD, _MARK_HIGH, _MARK_LOW, self._config):
            self._bus.writebyte(byte)
        return True

    def _has_ended(self):
        """None while it converts, True when that has ended, False with a `fault` when it does not."""
        elapsed = time.ticks_diff(time.ticks_ms(), self._began)
        # Where several hang on the bus, its slots may already be somebody else's: the longest time, then.
        if self._rom is None and self._converts:
            if self._bus.readbit():
                return True
        elif elapsed >= _CONVERSION_MS[-1]:
            return True
        if elapsed >= _LONGEST_MS:
            self.fault = BUSY
            return False
        return None

    def _has_converted(self):
        """True if what is in the scratchpad came of the conversion that was begun."""
        pad, before = self._scratchpad, self._before
        if pad[2:5] != before[2:5]:
            return False  # it has been reset since: that is its power-on value
        if self._converts:
            return True
        # A part that keeps its slots at 1: only a number that was not there before is new.
        raw = pad[1] << 8 | pad[0]
        return pad[:2] != before[:2] and raw not in (_POWER_ON_RAW, _POWER_ON_RAW_D)

    def _select(self):
        self.fault = None
        if not self._bus.reset():
            self.fault = ABSENT
            return False
        if self._rom is None:
            self._bus.writebyte(_SKIP_ROM)
        else:
            self._bus.select_rom(self._rom)
        return True

    def _read(self, into):
        if not self._select():
            return False
        self._bus.writebyte(_READ_SCRATCHPAD)
        self._bus.readinto(into)
        # A line shorted to ground reads nine zeros, and their CRC is right: the fixed bits of byte 4 are not.
        if self._bus.crc8(into) != 0 or into[4] & 0x9F != 0x1F:
            self.fault = CRC
            return False
        return True


def _config(bits):
    if not 9 <= bits <= 12:
        raise ValueError("bits")
    return (bits - 9) << 5 | 0x1F


def _temperature_dc(pad):
    raw = pad[1] << 8 | pad[0]
    if raw & 0x8000:
        raw -= 0x10000
    unused_bits = 3 - (pad[4] >> 5 & 3)  # undefined below the resolution
    raw = raw >> unused_bits << unused_bits
    return (raw * 10 + 8) >> 4


def conversion_ms(bits=12):
    """Longest time of a conversion at 9…12 bits, in milliseconds, by the data sheet; clones differ."""
    return _CONVERSION_MS[bits - 9]


def scan(bus):
    """ROM codes of the thermometers on `bus`, whatever else hangs there."""
    return [rom for rom in bus.scan() if rom[0] == _FAMILY]


def open(board, _choice):
    """The thermometer alone on this board's wire."""
    from machine import Pin
    from onewire import OneWire

    return Ds18b20(OneWire(Pin(board.ONE_WIRE)), bits=_BITS)
