"""DS18B20 1-Wire thermometer over MicroPython's `onewire.OneWire`.

What goes wrong on the wire is a value, not an exception: `read_dc` gives None and `fault` says why.
"""

from micropython import const

_SKIP_ROM = const(0xCC)
_CONVERT = const(0x44)
_READ_SCRATCHPAD = const(0xBE)
_WRITE_SCRATCHPAD = const(0x4E)

_FAMILY = const(0x28)
_POWER_ON_RAW = const(0x0550)  # 85 °C, in the scratchpad until the first conversion has ended
_POWER_ON_BYTE_6 = const(0x0C)
_FAILED_RAW = const(0x07FF)
# Written at power-on and kept over a new resolution: the alarm registers, which nothing here uses.
_ALARM_HIGH = const(0x4B)
_ALARM_LOW = const(0x46)

_CONVERSION_MS = (94, 188, 375, 750)  # 9…12 bits, data sheet table 3

ABSENT = "absent"  # nobody answered the reset
CRC = "crc"  # bytes changed on the wire, or a shorted line that reads as zeros
POWER_ON = "power_on"  # 85 °C of the power-on scratchpad: no conversion has happened
FAILED = "failed"  # the sensor itself gave up a conversion


class Ds18b20:
    """One sensor on `bus` (an `onewire.OneWire`); `rom` of 8 bytes, or None where it is alone on the bus."""

    def __init__(self, bus, rom=None):
        self._bus = bus
        self._rom = rom
        self._scratchpad = bytearray(9)
        self.fault = None  # why the last read_dc(), start() or set_resolution() gave nothing

    def start(self):
        """Starts a conversion. True, or False when no sensor is there. Then wait `conversion_ms(bits)`."""
        if not self._select():
            return False
        self._bus.writebyte(_CONVERT)
        return True

    def read_dc(self, expected_dc=None):
        """Temperature of the last conversion in 0.1 °C, rounded; None with the reason in `fault`.

        A reading of 85.0 °C that looks like the power-on value is believed only if `expected_dc`, the
        last temperature that the caller believed, is within 5 °C of it.
        """
        if not self._read_scratchpad():
            return None
        pad = self._scratchpad
        raw = pad[1] << 8 | pad[0]
        if raw == _FAILED_RAW:
            self.fault = FAILED
            return None
        if raw == _POWER_ON_RAW and pad[6] == _POWER_ON_BYTE_6:
            # Genuine parts show 0x10 in byte 6 for a measured 85 °C, some clones keep 0x0C for ever.
            if expected_dc is None or not 800 <= expected_dc <= 900:
                self.fault = POWER_ON
                return None
        if raw & 0x8000:
            raw -= 0x10000
        unused_bits = 3 - (pad[4] >> 5 & 3)  # undefined below the resolution
        raw = raw >> unused_bits << unused_bits
        return (raw * 10 + 8) >> 4

    def set_resolution(self, bits):
        """9…12 bits (0.5…0.0625 °C) until the next power-on. False when no sensor is there."""
        if not 9 <= bits <= 12:
            raise ValueError("bits")
        if not self._select():
            return False
        for byte in (_WRITE_SCRATCHPAD, _ALARM_HIGH, _ALARM_LOW, (bits - 9) << 5 | 0x1F):
            self._bus.writebyte(byte)
        return True

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

    def _read_scratchpad(self):
        if not self._select():
            return False
        self._bus.writebyte(_READ_SCRATCHPAD)
        self._bus.readinto(self._scratchpad)
        # A line shorted to ground reads nine zeros, and their CRC is right: the fixed bits of byte 4 are not.
        if self._bus.crc8(self._scratchpad) != 0 or self._scratchpad[4] & 0x9F != 0x1F:
            self.fault = CRC
            return False
        return True


def conversion_ms(bits=12):
    """Longest time of a conversion at 9…12 bits, in milliseconds."""
    return _CONVERSION_MS[bits - 9]


def scan(bus):
    """ROM codes of the thermometers on `bus`, whatever else hangs there."""
    return [rom for rom in bus.scan() if rom[0] == _FAMILY]
