"""A passive infrared motion detector (HC-SR501, AM312 …): a line that is high while somebody moves.

It says so for seconds to minutes after each movement, and for up to a minute after its own power came.
"""

from drivers.reading import objection
from lyhord_wire.codes import OCCUPANCY

NEEDS = ("MOTION",)
QUANTITIES = (OCCUPANCY,)

_WARM_UP_S = 60


class Pir:
    """The detector on `pin` (input; an RTC pin if it is to wake the chip). seen: what `sleep()` gave."""

    def __init__(self, pin, seen=False):
        self._pin = pin
        self._seen = bool(seen)
        pin.irq(handler=self._rise, trigger=pin.IRQ_RISING)

    def _rise(self, _pin):
        self._seen = True

    def read(self):
        """True if somebody moved since the last `forget()`, or moves now."""
        if self._pin.value():
            self._seen = True
        return self._seen

    def occupancy(self, powered_s):
        """1 or 0 as `read()`; None while it warms up. powered_s: seconds since its power came."""
        seen = int(self.read())
        return None if objection(seen, 0, 1, powered_s >= _WARM_UP_S) else seen

    def forget(self):
        """Begins anew."""
        self._seen = False

    def sleep(self):
        """Ends the interrupt. What `read()` gives: True needs no wake, False one at a high level (ext1)."""
        self._pin.irq(handler=None)
        return self.read()
