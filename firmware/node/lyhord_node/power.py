"""Waiting without spending: watchdog, light sleep, deep sleep."""

from time import sleep_ms

from micropython import const

WATCHDOG_MS = const(120_000)  # no single wait of ours is half as long
_CHUNK_MS = const(20_000)
_LEAST_MS = const(5)  # going into light sleep and out of it takes a millisecond or two


class Power:
    """`light` False: wait awake; somebody is at the serial console, which light sleep would garble."""

    def __init__(self):
        from machine import WDT

        self.light = True
        self._watchdog = WDT(timeout=WATCHDOG_MS)

    def feed(self):
        """Tells the watchdog that all is well."""
        self._watchdog.feed()

    def nap_ms(self, ms):
        """Waits `ms` milliseconds in light sleep (0.8 mA instead of 40); RAM and peripherals stay."""
        while ms > 0:
            self.feed()
            chunk = min(ms, _CHUNK_MS)
            if self.light and chunk >= _LEAST_MS:
                from machine import lightsleep

                lightsleep(chunk)
            else:
                sleep_ms(chunk)
            ms -= chunk

    def deep_sleep(self, seconds):
        """Does not return: the next wake is a start. seconds None: until somebody resets the board."""
        from machine import deepsleep

        self.feed()
        if seconds is None:
            deepsleep()
        deepsleep(max(1, seconds) * 1000)
