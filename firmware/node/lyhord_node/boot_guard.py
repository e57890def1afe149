"""BootGuard that came to no end: crashes, hangs, brown-outs. A node that cannot work rests, and tries.

    start 1…6   as ever; a crash sleeps 1, 2, 3 … minutes
    then        safe mode ─▶ rest ─▶ a report over WiFi ─▶ rest ─▶ a trial: a cycle as ever ─▶ rest ─▶ …
                rest: 10 min, 20 min, 30 min … 6 h, asleep but for samples (see safe.py); a reset offers the
                console and rests as well
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
REST_MAX_S = const(21_600)
_MEASURING = "measuring"  # in NVS: 1 while safe mode measures


def reset_cause():
    """The reason why the node started, as the wire says it."""
    import machine

    causes = {
        machine.HARD_RESET: HARD,
        machine.WDT_RESET: WATCHDOG,
        machine.DEEPSLEEP_RESET: DEEP_SLEEP,
        machine.SOFT_RESET: SOFT,
    }
    return causes.get(machine.reset_cause(), POWER_ON)


class BootGuard:
    """count: this start and those before it that came to no end, 0 after one that did.

    is_safe: no contacts, and LoRa for alarms only; reports: this start of safe mode is for a report over
    WiFi; is_resting: it is a wake within a rest, for a sample; may_measure: the last safe start that
    measured has come to the end of that, or its rest is over.
    """

    def __init__(self, nvs, cause, resting=False):
        self._nvs = nvs
        self.count = nvs.number(_KEY, 0)
        is_wake = cause == DEEP_SLEEP
        too_many = self.count >= _LIMIT
        self.is_resting = too_many and is_wake and resting
        is_try = is_wake and not self.is_resting
        # In safe mode a reset is none of the tries, as ever a wake after a good cycle is none.
        if is_try if too_many else self.count or not is_wake:
            self._set(self.count + 1)
        is_trial = is_try and not self.count & 1
        self.is_safe = too_many and not is_trial
        self.reports = self.is_safe and is_try
        self.may_measure = is_try or not (self.is_safe and nvs.number(_MEASURING, 0))

    def completed(self):
        """A cycle has come to its end, or somebody at the console wants one."""
        if self.count:
            self._set(0)

    def finds_damage(self):
        """After a start that came to no end: whether the code is not what was built. Names it on the line."""
        if self.count < 2:
            return False
        from lyhord_node.intact import damaged

        paths = list(damaged())
        if paths:
            print("damaged code:", *paths)
        return bool(paths)

    def begin_measuring(self):
        """In safe mode, before what may be at fault."""
        self._set(1, _MEASURING)

    def has_measured(self):
        """It was not at fault."""
        self._set(0, _MEASURING)

    def rest_s(self):
        """Seconds to sleep after a crash, and in safe mode."""
        if self.is_safe or self.count > _LIMIT:
            return min(REST_MAX_S, _SAFE_REST_S * max(1, self.count - _LIMIT))
        return _CRASH_REST_S * max(1, self.count)

    def crashed(self):
        """This start has crashed; it may be the first that did not count itself."""
        if not self.count:
            self._set(1)

    def _set(self, number, key=_KEY):
        if key == _KEY:
            self.count = number
        try:
            self._nvs.set_number(key, number)
            self._nvs.commit()
        except OSError as fault:  # who cannot count may still work
            print("starts not counted:", fault)
