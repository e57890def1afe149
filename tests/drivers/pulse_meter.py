"""The program of a board with a meter at its pulse input: it counts, says so and sleeps deeply."""

PIN = 4
METER = f"""
import esp32, machine
from machine import Pin, RTC, deepsleep, reset_cause, wake_reason
from time import sleep_ms
from drivers.pulse_input import PulseInput

pin = Pin({PIN}, Pin.IN)
packed = RTC().memory() if reset_cause() == machine.DEEPSLEEP_RESET else b""
woken = packed != b"" and wake_reason() == machine.PIN_WAKE
pulses = PulseInput(pin, packed, woken)
sleep_ms({{awake_ms}})
print("count", pulses.read(), "woken", woken)
packed, level = pulses.sleep()
RTC().memory(packed)
esp32.wake_on_ext0(pin, level)
deepsleep(60_000)
"""
