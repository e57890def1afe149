"""Pulses of a water or energy meter's contact: counted by interrupt while awake, by waking from deep sleep.

Asleep, the chip is woken by the *level* that the contact does not have now (ext0), so each change of
the contact is one wake, and a contact that rests closed costs nothing. What may be missed: pulses
shorter than what a wake takes to the first line of `resume`, beyond the one that woke. A counter in the
ULP coprocessor would count those too; it is left for later. docs/sensors.md has the numbers.
"""

import struct

from micropython import const

from lyhord_wire.codes import PULSE_COUNT

NEEDS = ("PULSE_INPUT",)
QUANTITIES = (PULSE_COUNT,)

_FORMAT = ">IB"
PACKED_BYTES = const(5)  # in RTC memory; the count alone also goes into every sample
_COUNT_MASK = const(0xFFFFFFFF)
DEBOUNCE_MS = const(10)  # reed contacts bounce 1…5 ms; S0 outputs are at least 30 ms on and 30 ms off


class PulseCount:
    """Counts closings of a contact from its level at its edges. Pure: times are `ticks_ms`, passed in.

    A level counts when it has stood for `debounce_ms`; every edge on the way begins that time anew.
    `count` wraps at 2**32. `packed`: what `pack()` gave before the sleep, or nothing after a power loss.
    """

    def __init__(self, ticks_diff, packed=b"", debounce_ms=DEBOUNCE_MS):
        self._ticks_diff = ticks_diff
        self._debounce_ms = debounce_ms
        self._edge_closed = False  # what the last edge led to
        self._edge_ms = None  # when; None: nothing is undecided
        self.count = 0
        self.closed = False  # as far as it is believed
        if len(packed) == PACKED_BYTES:
            self.count, closed = struct.unpack(_FORMAT, packed)
            self.closed = closed != 0

    def pack(self):
        """PACKED_BYTES bytes: the count, and the level that the next wake is to be compared with."""
        return struct.pack(_FORMAT, self.count, self.closed)

    def edge(self, closed, now_ms):
        """The contact has changed and is now `closed` or not. For an interrupt: allocates nothing."""
        self.settle(now_ms)
        self._edge_closed = closed
        self._edge_ms = now_ms

    def settle(self, now_ms):
        """Believes the last edge's level if it has stood long enough. True when nothing is undecided."""
        if self._edge_ms is None:
            return True
        if self._ticks_diff(now_ms, self._edge_ms) < self._debounce_ms:
            return False
        self._edge_ms = None
        self._take(self._edge_closed)
        return True

    def resume(self, closed, woken):
        """After a sleep: `closed` is the contact now, `woken` whether it was what woke the chip.

        If it did, it has changed at least once since, however short that was.
        """
        self._edge_ms = None
        if woken:
            self._take(not self.closed)
        self._take(closed)

    def _take(self, closed):
        if closed and not self.closed:
            self.count = self.count + 1 & _COUNT_MASK
        self.closed = closed


class PulseInput:
    """A PulseCount on a `pin` (input, external pull-up; an RTC pin if it is to wake the chip).

    closed_level: of the pin while the contact is closed.
    """

    def __init__(self, pin, packed=b"", woken=False, closed_level=0, debounce_ms=DEBOUNCE_MS):
        from time import ticks_diff, ticks_ms

        self._ticks_ms = ticks_ms
        self._pin = pin
        self._closed_level = closed_level
        self._counter = PulseCount(ticks_diff, packed, debounce_ms)
        # After a power loss there is nothing to compare with: a contact that rests closed is no pulse.
        if packed:
            self._counter.resume(self._is_closed(), woken)
        else:
            self._counter.closed = self._is_closed()
        pin.irq(handler=self._edge, trigger=pin.IRQ_RISING | pin.IRQ_FALLING)

    def _is_closed(self):
        return self._pin.value() == self._closed_level

    def _edge(self, _pin):
        self._counter.edge(self._is_closed(), self._ticks_ms())

    def read(self):
        """Pulses so far, 0…2**32 - 1."""
        self._counter.settle(self._ticks_ms())
        return self._counter.count

    def pack(self):
        """The bytes to keep in RTC memory against a restart without a sleep."""
        self._counter.settle(self._ticks_ms())
        return self._counter.pack()

    def go_on_from(self, count):
        """After a power loss: `count` pulses were there before those that have been counted since."""
        self._counter.count = self._counter.count + count & _COUNT_MASK

    def sleep(self):
        """Ends the interrupt: (what to keep in RTC memory, the level to wake on with esp32.wake_on_ext0).

        A contact that is bouncing at this moment has the level to wake on, or will have: it is counted then.
        """
        self._pin.irq(handler=None)
        self._counter.settle(self._ticks_ms())
        level = self._closed_level
        return self._counter.pack(), 1 - level if self._counter.closed else level
