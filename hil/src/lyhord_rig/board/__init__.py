"""A virtual ESP32: its process, its pins, its flash, and the radio wired to it."""
