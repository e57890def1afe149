"""Temperature and humidity from the sensor that is fitted: begun, and fetched when the pings are over.

A climate has `start()` and, after it, `finish()`, which waits as long as it must and gives (temperature in
0.1 °C, humidity in 0.1 %), each None where there is nothing to believe.
"""

from micropython import const

from lyhord_node import hardware

_BITS = const(11)  # 0.125 °C in 375 ms: the pings take that long anyway, 12 bits would double it


def climate(board, choice):
    """What `choice` of `fitted.py` stands for, not `none`. The sensors have power."""
    if choice == "sht31":
        from drivers.sht31 import Sht31

        return _I2cClimate(Sht31(hardware.i2c(board)))
    return _OneWireClimate(hardware.ds18b20(board))


class _OneWireClimate:
    """A DS18B20: no humidity."""

    has_humidity = False

    def __init__(self, thermometer):
        self._thermometer = thermometer

    def start(self):
        if self._thermometer.set_resolution(_BITS):
            self._thermometer.start()

    def finish(self):
        return self._thermometer.read_dc(), None


class _I2cClimate:
    """An SHT31: 16 ms, so that it begins when it is asked for."""

    has_humidity = True

    def __init__(self, sensor):
        self._sensor = sensor

    def start(self):
        """Nothing: what it takes is less than a ping."""

    def finish(self):
        if self._sensor.is_honest():
            return self._sensor.read()
        self._sensor.reset()  # its heater warms what it measures: the next sample is true again
        return None, None
