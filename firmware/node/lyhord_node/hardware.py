"""Devices opened by the pins of a board module; a driver is imported when its device is wanted."""

from micropython import const

_I2C_HZ = const(100_000)  # SCD41 data sheet: 100 kHz at most
_FIRST_WITHOUT_PULL = const(34)
_DIVIDER_MS = const(10)  # behind its switch: 80 kΩ into the pin and what is soldered beside it


def power_sensors(board, on):
    """Switches the sensors' supply; they want a few milliseconds afterwards."""
    from machine import Pin

    Pin(board.SENSOR_POWER, Pin.OUT, value=board.SENSOR_POWER_ON if on else 1 - board.SENSOR_POWER_ON)


def ranger(board, choice):
    """The ultrasonic sensor, see `drivers.ranging`; choice: of `fitted.py`, not `none`. Open it before it has
    power: its trigger line, low from the start, tells some of them how to work."""
    from machine import Pin

    trigger = Pin(board.ULTRASONIC_TRIGGER, Pin.OUT, value=0)
    if choice == "hcsr04":
        from drivers.hcsr04 import HcSr04

        return HcSr04(trigger, Pin(board.ULTRASONIC_ECHO, Pin.IN))
    if choice == "jsn_sr04t":
        from drivers.jsn_sr04t import JsnSr04tPulse

        return JsnSr04tPulse(trigger, Pin(board.ULTRASONIC_ECHO, Pin.IN))
    return _serial_ranger(board, choice, trigger)


def _serial_ranger(board, choice, trigger):
    if choice == "a02yyuw":
        from drivers.a02yyuw import A02yyuw

        return A02yyuw(_ranger_uart(board))
    if choice == "mb7389":
        from drivers.mb7389 import Mb7389

        return Mb7389(_ranger_uart(board), trigger)
    from drivers.jsn_sr04t import REQUEST, JsnSr04t

    if choice == "jsn_sr04t_auto":
        return JsnSr04t(_ranger_uart(board), request=None)
    uart = _ranger_uart(board, tx=board.ULTRASONIC_TRIGGER)
    return JsnSr04t(uart, REQUEST, choice != "aj_sr04m", compensates=choice == "jsn_sr04t_v3")


def _ranger_uart(board, tx=None):
    from machine import UART

    if tx is None:
        return UART(board.ULTRASONIC_UART, 9600, rx=board.ULTRASONIC_ECHO)
    return UART(board.ULTRASONIC_UART, 9600, rx=board.ULTRASONIC_ECHO, tx=tx)


def ds18b20(board):
    """The DS18B20 alone on its bus."""
    from machine import Pin
    from onewire import OneWire

    from drivers.ds18b20 import Ds18b20

    return Ds18b20(OneWire(Pin(board.ONE_WIRE)))


def i2c(board):
    """The bus of SHT31 and SCD41."""
    from machine import I2C, Pin

    return I2C(board.I2C_BUS, scl=Pin(board.I2C_SCL), sda=Pin(board.I2C_SDA), freq=_I2C_HZ)


def scd41(board):
    """The SCD41 on the I2C bus."""
    from drivers.scd41 import Scd41

    return Scd41(i2c(board))


def tilt_switch(board, choice):
    """The tilt switch, `closing` or `opening` when it lies."""
    from drivers.tilt_switch import TiltSwitch

    return TiltSwitch(pulled_up(board, board.TILT_SWITCH), tilted_level=0 if choice == "closing" else 1)


def pulled_up(board, pin):
    """An input for a contact to ground. Input-only pins have no pull-up: there the contact brings one."""
    from machine import Pin

    if board.CHIP == "esp32" and pin >= _FIRST_WITHOUT_PULL:
        return Pin(pin, Pin.IN)
    return Pin(pin, Pin.IN, Pin.PULL_UP)


def battery(board):
    """The battery's voltage: `read_mv()`."""
    from time import sleep_ms

    from machine import ADC, Pin

    from drivers.battery import Battery

    if board.BATTERY_ENABLE is not None:
        Pin(board.BATTERY_ENABLE, Pin.OUT, value=board.BATTERY_ENABLE_ON)
        sleep_ms(_DIVIDER_MS)
    adc = ADC(Pin(board.BATTERY_ADC), atten=ADC.ATTN_11DB)
    return Battery(adc, board.BATTERY_DIVIDER_NUM, board.BATTERY_DIVIDER_DEN)


def led(board, on):
    """Switches the LED."""
    from machine import Pin

    Pin(board.LED, Pin.OUT, value=1 if on else 0)


def hold_pins(board):
    """Keeps the radio's NSS high through deep sleep: floating, it wakes the chip (1.6 mA, not 10 uA)."""
    from esp32 import gpio_deep_sleep_hold
    from machine import Pin

    if board.HAS_LORA:
        Pin(board.RADIO_NSS, Pin.OUT, value=1, hold=True)
        gpio_deep_sleep_hold(True)


def release_pins(board):
    """Gives back what `hold_pins` has held."""
    from esp32 import gpio_deep_sleep_hold
    from machine import Pin

    if board.HAS_LORA:
        gpio_deep_sleep_hold(False)
        Pin(board.RADIO_NSS, Pin.OUT, value=1, hold=False)
