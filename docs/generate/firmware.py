"""Modules of the firmware, imported here for what they say of themselves."""

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"


def module(name: str) -> ModuleType:
    """A module of the node, which on the chip is imported without a package around it."""
    for folder in (FIRMWARE, FIRMWARE / "node"):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    if "micropython" not in sys.modules:
        names = ModuleType("micropython")
        names.const = lambda value: value  # type: ignore[attr-defined]
        sys.modules["micropython"] = names
    return import_module(name)
