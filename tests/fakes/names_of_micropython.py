"""`from micropython import const` for pure firmware modules on CPython."""

import sys
from types import ModuleType


def install():
    """Once is enough; a MicroPython that is there already stays."""
    if "micropython" not in sys.modules:
        names = ModuleType("micropython")
        names.const = lambda value: value
        sys.modules["micropython"] = names
