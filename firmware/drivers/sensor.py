"""The contract of every sensor's driver, so that nobody else knows one sensor from another.

The module:

    NEEDS               names in a board's module (pins, buses) that this sensor takes
    QUANTITIES          what a sample has of it, ids of `lyhord_wire.codes`
    open(board, choice) the sensor on that board; choice: its name in the node's catalogue

What is opened:

    start()             begins one measurement; waits for nothing that takes longer than some 30 ms
    poll()              None while it is under way; then, once, a number, a tuple of numbers where QUANTITIES
                        has several (in that order), or a text: the reason why there is none (see
                        `drivers/reading.py`) poll_ms             time until the next poll() is worth it
    settle_ms           time from power-on to the first start()

A measurement ends by itself: its deadline is the driver's. Rangers have more, see `drivers/ranging.py`. What
is watched and not measured (pulse_input, pir) is opened with what it knew before the sleep, and read at any
time.

`machine` is imported where a sensor is opened: tools and documents read NEEDS and QUANTITIES on a PC.
"""

import time

I2C = ("I2C_BUS", "I2C_SCL", "I2C_SDA")  # the only pins that several sensors may share
PULSE = ("ULTRASONIC_TRIGGER", "ULTRASONIC_ECHO")
SERIAL = PULSE + ("ULTRASONIC_UART",)
BUS_NUMBERS = ("I2C_BUS", "ULTRASONIC_UART")  # of the chip's own: no pins

_I2C_HZ = 100_000  # SCD41 data sheet: 100 kHz at most
_BAUD = 9600
_FIRST_WITHOUT_PULL = 34
_NAP_LEAST_MS = 100  # a shorter light sleep costs more than it saves


def result_of(sensor, nap_ms=None):
    """The result of the measurement that start() began: number, tuple or reason. Long waits are `nap_ms`."""
    result = None
    while result is None:
        wait_ms = sensor.poll_ms
        if nap_ms is None or wait_ms < _NAP_LEAST_MS:
            time.sleep_ms(wait_ms)
        else:
            nap_ms(wait_ms)
        result = sensor.poll()
    return result


def i2c(board):
    """The board's I2C bus."""
    from machine import I2C as Bus
    from machine import Pin

    return Bus(board.I2C_BUS, scl=Pin(board.I2C_SCL), sda=Pin(board.I2C_SDA), freq=_I2C_HZ)


def trigger(board):
    """The ranger's trigger line, low from the start: that tells some of them how to work once they have
    power."""
    from machine import Pin

    return Pin(board.ULTRASONIC_TRIGGER, Pin.OUT, value=0)


def echo(board):
    """The ranger's echo line, an input."""
    from machine import Pin

    return Pin(board.ULTRASONIC_ECHO, Pin.IN)


def uart(board, tx=None):
    """The ranger's UART, its receiver at the echo line; tx: a pin's number."""
    from machine import UART

    if tx is None:
        return UART(board.ULTRASONIC_UART, _BAUD, rx=board.ULTRASONIC_ECHO)
    return UART(board.ULTRASONIC_UART, _BAUD, rx=board.ULTRASONIC_ECHO, tx=tx)


def pulled_up(board, pin):
    """An input for a contact to ground. Input-only pins have no pull-up: there the contact brings one."""
    from machine import Pin

    if board.CHIP == "esp32" and pin >= _FIRST_WITHOUT_PULL:
        return Pin(pin, Pin.IN)
    return Pin(pin, Pin.IN, Pin.PULL_UP)
