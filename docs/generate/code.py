"""The part of the tables that a node has: numbers, and the names and ranges that it checks or shows."""

from collections.abc import Mapping
from itertools import chain

from lyhord_wire import tables


def codes() -> str:
    groups = [
        [(row.constant, row.key) for row in table]
        for table in (
            tables.QUANTITIES.values(),
            tables.SETTINGS.values(),
            tables.ALARMS.values(),
            tables.STATUS.values(),
            tables.FAULTS.values(),
            tables.COMMANDS.values(),
            tables.ABOUT.values(),
        )
    ]
    groups.append([(f"PROFILE_{name.upper()}", key) for key, name in tables.PROFILES.items()])
    names = [name for name, _ in chain.from_iterable(groups)]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two numbers are called {', '.join(sorted(twice))}")
    return "\n".join(_constants(group) for group in groups)


def _constants(group: list[tuple[str, int]]) -> str:
    return "".join(f"{name} = {key}\n" for name, key in sorted(group, key=lambda item: item[1]))


def settings() -> str:
    rows = "".join(
        f"        Setting({row.key}, {_text(row.name)}, {_text(row.unit)}, "
        f"{row.low}, {row.high}, {row.default}),\n"
        for row in tables.SETTINGS.values()
    )
    return f"SETTINGS = {{\n    setting.key: setting\n    for setting in (\n{rows}    )\n}}\n"


def names() -> str:
    return "\n".join(
        (
            _names("QUANTITIES", {row.key: row.name for row in tables.QUANTITIES.values()}),
            _names("ALARMS", {row.key: row.name for row in tables.ALARMS.values()}),
            _names("FAULTS", {row.key: row.name for row in tables.FAULTS.values()}),
            _names("RESET_CAUSES", tables.RESET_CAUSES),
        )
    )


def _names(name: str, table: Mapping[int, str]) -> str:
    rows = "".join(f"    {key}: {_text(table[key])},\n" for key in sorted(table))
    return f"{name} = {{\n{rows}}}\n"


def instructions() -> str:
    rows = tables.INSTRUCTIONS.values()
    wholes = "".join(
        f"    ({row.key}, {_text(row.name.replace('_', ' '))}, {row.low}, {row.high}),\n"
        for row in rows
        if row.is_whole()
    )
    constants = _constants([(row.constant, row.key) for row in rows])
    return f"{constants}\n_WHOLES = (\n{wholes})\n"


def _text(text: str) -> str:
    return f'"{text}"'
