"""Rules and comments of docs/lyhord.cddl."""

from collections.abc import Callable, Iterable, Mapping

from lyhord_wire import tables
from lyhord_wire.fields import Field

_COLUMN = 32  # where comments begin
_U32 = 0xFFFFFFFF


def _line(text: str, comment: str = "") -> str:
    return f"{text:<{_COLUMN - 1}} ; {comment}\n" if comment else f"{text}\n"


def _range(low: int, high: int) -> str:
    if (low, high) == (0, _U32):
        return "uint32"
    return f"{low}..{high}" if low >= 0 else f"(int .ge {low}) .and (int .le {high})"


def _rule(name: str) -> str:
    return name.replace("_", "-")


def _codes(pairs: Iterable[tuple[int, str]]) -> str:
    return ", ".join(f"{key} {name}" for key, name in sorted(pairs))


def sample() -> str:
    rows = sorted(tables.QUANTITIES.items())
    return "".join(f"  ? {key}: {_rule(row.name)} / null,\n" for key, row in rows)


def quantities() -> str:
    return "".join(
        _line(f"{_rule(row.name)} = {_range(row.low, row.high)}", row.step)
        for _, row in sorted(tables.QUANTITIES.items())
    )


def _map(table: Mapping[int, Field], codes: Mapping[str, str]) -> str:
    lines = []
    for key, row in sorted(table.items()):
        kind = _TYPES[row.shape](row)
        about = codes.get(row.name) or row.meaning.split(";")[0].split(". ")[0]
        lines.append(_line(f"  ? {key}: {kind},", f"{row.name}: {about}"))
    return "".join(lines)


_TYPES: Mapping[str, Callable[[Field], str]] = {
    "": lambda row: _range(row.low, row.high),
    Field.NAMED: lambda row: _range(row.low, row.high),
    Field.VERSION: lambda row: "version",
    Field.TEXT: lambda row: "short-text",
    Field.MAP: lambda row: _rule(row.name),
    Field.ARRAY: lambda row: _rule(row.name),
}


def status() -> str:
    faults = _codes((key, row.name) for key, row in tables.FAULTS.items())
    return _map(tables.STATUS, {"reset_cause": _codes(tables.RESET_CAUSES.items()), "faults": faults})


def settings() -> str:
    return "".join(
        _line(f"  ? {key}: {_range(row.low, row.high)},", row.name)
        for key, row in sorted(tables.SETTINGS.items())
    )


REGIONS: Mapping[str, Callable[[], str]] = {
    "sample": sample,
    "quantities": quantities,
    "status": status,
    "alarms": lambda: _line("alarm = 1..255", _codes((key, row.name) for key, row in tables.ALARMS.items())),
    "about": lambda: _map(tables.ABOUT, {"profile": _codes(tables.PROFILES.items())}),
    "instructions": lambda: _map(tables.INSTRUCTIONS, {}),
    "settings": settings,
    "commands": lambda: _line(
        "command = [1*8 int32]",
        "the code first: " + _codes((key, row.name) for key, row in tables.COMMANDS.items()),
    ),
}
