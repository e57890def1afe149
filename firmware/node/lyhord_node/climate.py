"""Temperature and humidity from the sensor that is fitted: begun, and fetched when the pings are over.

A climate has `start()` and, after it, `finish(expected_dc)`, which waits as long as it must and gives
(temperature in 0.1 °C, humidity in 0.1 %), each None where there is nothing to believe.
"""

from time import sleep_ms, ticks_add, ticks_diff, ticks_ms

from micropython import const

from lyhord_node import hardware

_BITS = const(11)  # 0.125 °C in 375 ms: the pings take that long anyway, 12 bits would double it
_CONVERSION_MARGIN_MS = const(10)
_LOWEST_DC = const(-550)
_HIGHEST_DC = const(1250)


def climate(board, choice):
    """What `choice` of `fitted.py` stands for, not `none`. The sensors have power."""
    if choice == "sht31":
        from drivers.sht31 import Sht31

        return _I2cClimate(Sht31(hardware.i2c(board)))
    from drivers.ds18b20 import conversion_ms

    return _OneWireClimate(hardware.ds18b20(board), conversion_ms(_BITS) + _CONVERSION_MARGIN_MS)


class _OneWireClimate:
    """A DS18B20: no humidity."""

    has_humidity = False

    def __init__(self, thermometer, conversion_ms):
        self._thermometer = thermometer
        self._conversion_ms = conversion_ms
        self._ready = None

    def start(self):
        if self._thermometer.set_resolution(_BITS) and self._thermometer.start():
            self._ready = ticks_add(ticks_ms(), self._conversion_ms)

    def finish(self, expected_dc):
        if self._ready is None:
            return None, None
        wait = ticks_diff(self._ready, ticks_ms())
        if wait > 0:
            sleep_ms(wait)
        temperature = self._thermometer.read_dc(expected_dc)
        if temperature is None or not _LOWEST_DC <= temperature <= _HIGHEST_DC:
            return None, None
        return temperature, None


class _I2cClimate:
    """An SHT31: 16 ms, so that it begins when it is asked for."""

    has_humidity = True

    def __init__(self, sensor):
        self._sensor = sensor

    def start(self):
        """Nothing: what it takes is less than a ping."""

    def finish(self, _expected_dc):
        if self._sensor.is_honest():
            return self._sensor.read()
        self._sensor.reset()  # its heater warms what it measures: the next sample is true again
        return None, None
