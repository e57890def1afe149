"""Tables of the documents."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

from lyhord_wire import tables
from lyhord_wire.fields import Field
from lyhord_wire.quantities import Quantity


def _table(titles: str, rows: Iterable[tuple[object, ...]]) -> str:
    head = f"| {titles} |\n|{'---|' * len(titles.split(' | '))}\n"
    return head + "".join(
        "|" + "".join(f" {cell} |" if cell != "" else " |" for cell in row) + "\n" for row in rows
    )


def _number(value: int) -> str:
    return str(value).replace("-", "−")


def _range(low: int, high: int) -> str:
    return f"{_number(low)}…{_number(high)}"


_Row = TypeVar("_Row")


def _sorted(table: Mapping[int, _Row]) -> list[_Row]:
    return [table[key] for key in sorted(table)]


def quantities() -> str:
    return _table(
        "key | name | range | one step | SenML unit | factor",
        (
            (
                row.key,
                row.name,
                _range(row.low, row.high),
                row.step,
                "`vb`" if row.boolean else f"`{row.unit}`" if row.unit else "",
                f"{row.num}/{row.den}" if row.den > 1 else row.num,
            )
            for row in _sorted(tables.QUANTITIES)
        ),
    )


def settings() -> str:
    return _table(
        "id | name | range | default | unit | meaning",
        (
            (row.key, row.name, _range(row.low, row.high), _number(row.default), row.unit, row.meaning)
            for row in _sorted(tables.SETTINGS)
        ),
    )


def alarms() -> str:
    return _table(
        "code | name | raised when", ((row.key, row.name, row.raised) for row in _sorted(tables.ALARMS))
    )


def alarm_limits() -> str:
    return _table(
        "alarm | raised | cleared",
        (
            (
                row.name.replace("_", " ")
                + (" (buildings)" if row.profile == tables.PROFILE_BUILDING else ""),
                row.raised,
                row.cleared,
            )
            for row in tables.ALARMS.values()
        ),
    )


def _fields(titles: str, table: Mapping[int, Field]) -> str:
    return _table(titles, ((row.key, row.name, row.meaning) for row in _sorted(table)))


def about() -> str:
    return _table(
        "key | name | meaning",
        (
            (row.key, row.name, row.meaning + (f", {_range(row.low, row.high)}" if _has_range(row) else ""))
            for row in _sorted(tables.ABOUT)
        ),
    )


def _has_range(row: Field) -> bool:
    return row.is_whole() and not row.shape


def instructions() -> str:
    return _table(
        "key | name | meaning",
        ((row.key, row.name.replace("_", " "), row.meaning) for row in _sorted(tables.INSTRUCTIONS)),
    )


def commands() -> str:
    return _table(
        "code | name | argument | what the node does",
        (
            (row.key, row.name, _range(1, row.high) if row.high else "", row.meaning)
            for row in _sorted(tables.COMMANDS)
        ),
    )


def _names(titles: str, table: Mapping[int, str]) -> str:
    return _table(titles, sorted(table.items()))


def platform_names() -> str:
    def cells(row: Quantity) -> tuple[object, ...]:
        unit = tables.UNITS[row.unit]
        return (
            row.name,
            "`vb`" if row.boolean else row.unit and f"`{row.unit}`",
            f"`{row.attribute}`",
            unit.code and f"`{unit.code}`",
            row.device_class and f"`{row.device_class}`",
        )

    return _table(
        "quantity | SenML unit | NGSI-LD property | UN/CEFACT code | Home Assistant class",
        map(cells, _sorted(tables.QUANTITIES)),
    )


PROTOCOL = {
    "quantities": quantities,
    "status": lambda: _fields("key | name | meaning", tables.STATUS),
    "reset_causes": lambda: _names("reset cause | name", tables.RESET_CAUSES),
    "faults": lambda: _fields("fault bit | name | what is at fault", tables.FAULTS),
    "alarms": alarms,
    "about": about,
    "profiles": lambda: _names("profile | name", tables.PROFILES),
    "instructions": instructions,
    "settings": settings,
    "commands": commands,
}
