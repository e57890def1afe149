"""`micropython.const`, and MicroPython's names in `time`, for modules of the node that CPython imports."""

import sys
import time
from types import ModuleType

_TIMES = ("ticks_us", "ticks_ms", "ticks_diff", "ticks_add", "sleep_ms", "sleep_us")


def _no_time(*_arguments):
    raise RuntimeError("this module's time is to be installed")


def install():
    if "micropython" not in sys.modules:
        names = ModuleType("micropython")
        names.const = lambda value: value
        sys.modules["micropython"] = names
    for name in _TIMES:
        if not hasattr(time, name):
            setattr(time, name, _no_time)
