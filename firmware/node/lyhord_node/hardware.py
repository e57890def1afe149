"""The board's own parts, by the pins of its module: the sensors' supply, the LED, the lines of the radio."""


def power_sensors(board, on):
    """Switches the sensors' supply; they want a few milliseconds afterwards."""
    from machine import Pin

    Pin(board.SENSOR_POWER, Pin.OUT, value=board.SENSOR_POWER_ON if on else 1 - board.SENSOR_POWER_ON)


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
