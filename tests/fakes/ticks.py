"""MicroPython's tick functions over a time that the test moves; they wrap at 30 bits as on ESP32."""

PERIOD = 1 << 30
NAMES = ("ticks_us", "ticks_ms", "ticks_diff", "ticks_add", "sleep_ms", "sleep_us")


class Ticks:
    """`now_us` starts anywhere; each reading costs `read_us`; `at` plans what happens on the way."""

    def __init__(self, now_us=0, read_us=10):
        self.now_us = now_us
        self.read_us = read_us
        self._plan = []

    def install(self, module):
        """Replaces `time` in a module, or the functions of it that it has imported by name."""
        if hasattr(module, "time"):
            module.time = self
        for name in NAMES:
            if hasattr(module, name):
                setattr(module, name, getattr(self, name))

    def at(self, time_us, action):
        self._plan.append((time_us, action))
        self._plan.sort(key=lambda entry: entry[0])

    def pass_us(self, duration_us):
        end_us = self.now_us + duration_us
        while self._plan and self._plan[0][0] <= end_us:
            time_us, action = self._plan.pop(0)
            self.now_us = max(self.now_us, time_us)
            action()
        self.now_us = max(self.now_us, end_us)

    def ticks_us(self):
        self.pass_us(self.read_us)
        return self.now_us & PERIOD - 1

    def ticks_ms(self):
        self.pass_us(self.read_us)
        return self.now_us // 1000 & PERIOD - 1

    def ticks_diff(self, end, start):
        return ((end - start + PERIOD // 2) & PERIOD - 1) - PERIOD // 2

    def ticks_add(self, ticks, delta):
        return ticks + delta & PERIOD - 1

    def sleep_ms(self, duration_ms):
        self.pass_us(duration_ms * 1000)

    def sleep_us(self, duration_us):
        self.pass_us(duration_us)
