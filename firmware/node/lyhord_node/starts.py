"""Starts that came to no end: crashes, hangs, brown-outs. A node that cannot work rests, and tries.

    start 1…6   as ever; a crash sleeps 1, 2, 3 … minutes
    then        safe mode ─▶ rest ─▶ a report over WiFi ─▶ rest ─▶ a trial: a cycle as ever ─▶ rest ─▶ …
                rest: 10 min, 20 min, 30 min … 6 h, asleep; a reset offers the console and rests as well
    the end     of any cycle: all is well again; so does `exit` at the console

The number is in NVS, as brown-outs take RTC memory with them. It is written before a start that may fail, not
on the wakes of a node that works.
"""

from micropython import const

# docs/protocol.md section 2, status 1. A brown-out looks like power-on to MicroPython.
POWER_ON = const(0)
HARD = const(1)
WATCHDOG = const(2)
DEEP_SLEEP = const(3)
SOFT = const(4)

_KEY = "starts"
_LIMIT = const(6)
_CRASH_REST_S = const(60)
_SAFE_REST_S = const(600)
_REST_MAX_S = const(21_600)


def reset_cause():
    """Why the node started, as the wire says it."""
    import machine

    causes = {
        machine.HARD_RESET: HARD,
        machine.WDT_RESET: WATCHDOG,
        machine.DEEPSLEEP_RESET: DEEP_SLEEP,
        machine.SOFT_RESET: SOFT,
    }
    return causes.get(machine.reset_cause(), POWER_ON)


class Starts:
    """count: this start and those before it that came to no end, 0 after one that did.

    is_safe: no sensors, no LoRa; reports: in safe mode, this start is for a report over WiFi.
    """

    def __init__(self, store, cause):
        self._store = store
        self.count = store.number(_KEY, 0)
        is_wake = cause == DEEP_SLEEP
        too_many = self.count >= _LIMIT
        # In safe mode a reset is none of the tries, as ever a wake after a good cycle is none.
        if is_wake if too_many else self.count or not is_wake:
            self._set(self.count + 1)
        is_trial = is_wake and not self.count & 1
        self.is_safe = too_many and not is_trial
        self.reports = self.is_safe and is_wake

    def completed(self):
        """A cycle has come to its end, or somebody at the console wants one."""
        if self.count:
            self._set(0)

    def rest_s(self):
        """Seconds to sleep after a crash, and in safe mode."""
        if self.is_safe or self.count > _LIMIT:
            return min(_REST_MAX_S, _SAFE_REST_S * max(1, self.count - _LIMIT))
        return _CRASH_REST_S * max(1, self.count)

    def crashed(self):
        """This start has crashed; it may be the first that did not count itself."""
        if not self.count:
            self._set(1)

    def _set(self, count):
        self.count = count
        try:
            self._store.set_number(_KEY, count)
            self._store.commit()
        except OSError as fault:  # who cannot count may still work
            print("starts not counted:", fault)
