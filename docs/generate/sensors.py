"""The table of sensors in docs/sensors.md, from the node's catalogue and its drivers."""

import sys
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType

from lyhord_wire.tables import QUANTITIES

_FIRMWARE = Path(__file__).resolve().parents[2] / "firmware"


def _module(name: str) -> ModuleType:
    """A module of the node, which on the chip is imported without a package around it."""
    for folder in (_FIRMWARE, _FIRMWARE / "node"):
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
    if "micropython" not in sys.modules:
        names = ModuleType("micropython")
        names.const = lambda value: value  # type: ignore[attr-defined]
        sys.modules["micropython"] = names
    return import_module(name)


def sensors() -> str:
    catalog = _module("lyhord_node.sensor_catalog")
    rows = {}
    for slot, choice, driver, *profiles in catalog.lines():
        found = None if driver == "-" else _module(f"drivers.{driver}")
        needs = found.NEEDS if found else ()
        gives = tuple(QUANTITIES[key].name for key in found.QUANTITIES) if found else ()
        rows[slot, choice] = (driver, needs, gives, profiles)
    text = "| `set …` | driver | takes of the board | gives | usual in |\n|---|---|---|---|---|\n"
    for (slot, choice), (driver, needs, gives, profiles) in rows.items():
        cells = (
            f"`{slot} {choice}`",
            "–" if driver == "-" else f"`{driver}`",
            _code(needs),
            _code(gives),
            ", ".join(f"a {profile}" for profile in profiles),
        )
        text += "|" + "".join(f" {cell} |" if cell else " |" for cell in cells) + "\n"
    return text


def _code(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "–"
