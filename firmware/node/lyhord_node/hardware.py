"""Devices opened by the pins of a board module; a driver is imported when its device is wanted."""


def power_sensors(board, on):
    """Switches the sensors' supply; they want a few milliseconds afterwards."""
    from machine import Pin

    Pin(board.SENSOR_POWER, Pin.OUT, value=board.SENSOR_POWER_ON if on else 1 - board.SENSOR_POWER_ON)


def ultrasonic(board):
    """The ranger: `ping_us()`."""
    from machine import Pin

    from drivers.hcsr04 import HcSr04

    return HcSr04(Pin(board.ULTRASONIC_TRIGGER, Pin.OUT), Pin(board.ULTRASONIC_ECHO, Pin.IN))


def thermometer(board):
    """The DS18B20 alone on its bus."""
    from machine import Pin
    from onewire import OneWire

    from drivers.ds18b20 import Ds18b20

    return Ds18b20(OneWire(Pin(board.ONE_WIRE)))


def battery(board):
    """The battery's voltage: `read_mv()`."""
    from machine import ADC, Pin

    from drivers.battery import Battery

    if board.BATTERY_ENABLE is not None:
        Pin(board.BATTERY_ENABLE, Pin.OUT, value=board.BATTERY_ENABLE_ON)
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
