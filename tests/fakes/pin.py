"""A pin for drivers that are run against fakes."""


class Pin:
    """An output that remembers its level, or an input whose edges call the driver's handler."""

    IRQ_RISING = 1

    def __init__(self, changed=None):
        self.level = 0
        self.handler = None
        self._changed = changed

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        if self._changed:
            self._changed(level)
        return None

    def irq(self, handler=None, trigger=0):
        assert trigger == self.IRQ_RISING
        self.handler = handler

    def rise(self):
        self.level = 1
        if self.handler:
            self.handler(self)
