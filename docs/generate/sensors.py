"""The table of sensors in docs/sensors.md, from the node's catalogue and its drivers."""

from collections.abc import Iterable

from docs.generate.firmware import module
from lyhord_wire.tables import QUANTITIES


def sensors() -> str:
    catalog = module("lyhord_node.sensor_catalog")
    rows = {}
    for slot, choice, driver, *profiles in catalog.lines():
        found = None if driver == "-" else module(f"drivers.{driver}")
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
