"""Tables for people, at most 80 columns wide."""

import sys
from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table

from lyhord_wire.outside import printable

WIDTH = 80

Row = dict[str, object]


def nodes(rows: Sequence[Row], now_s: int) -> None:
    """rows: as `nodes --json` prints them. Written line by line: rich takes ten seconds for 5000 rows."""
    titles = ("id", "name", "heard", "RSSI", "samples", "missing", "lost", "day", "week")
    lines = [titles]
    for row in rows:
        lines.append(
            (
                str(row["id"]),
                printable(str(row["name"] or "-")) + ("" if row["enabled"] else " (off)"),
                _age(row["last_heard"], now_s, "never"),
                _or_dash(row["rssi_dbm"]),
                str(row["received"]),
                str(row["missing"]),
                str(row["given_up"]),
                _percent(row["completeness_day"]),
                _percent(row["completeness_week"]),
            )
        )
    widths = [max(map(_width, column)) for column in zip(*lines, strict=True)]
    others = sum(widths) - widths[_NAME] + 2 * (len(widths) - 1)
    widths[_NAME] = max(_NAME_LEAST, min(widths[_NAME], WIDTH - others))
    for line in lines:
        shown = [_sized(text, width) for text, width in zip(line, widths, strict=True)]
        sys.stdout.write("  ".join(shown).rstrip() + "\n")


_NAME, _NAME_LEAST = 1, 8  # its column, and letters of it that are always shown


def _sized(text: str, width: int) -> str:
    if text.isascii() and len(text) <= width:
        return text.ljust(width)
    shown = text if cell_len(text) <= width else set_cell_size(text, width - 1) + "…"
    return set_cell_size(shown, width)


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def backlog(rows: Sequence[Row]) -> None:
    """rows: as `backlog --json` prints them."""
    table = _table("platform", "url", "waiting", "oldest", "dropped", "skipped")
    for row in rows:
        age_s = row["oldest_age_s"]
        oldest = duration(age_s) if isinstance(age_s, int) else "-"
        lost = str(row["dropped"]), str(row["skipped"])
        _row(table, str(row["platform"]), str(row["url"]), str(row["waiting"]), oldest, *lost)
    _print(table)


def node(row: Row, now_s: int) -> None:
    """row: as `nodes show --json` prints it."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    orders = row["orders"]
    for name, value in row.items():
        if name == "orders":
            continue
        text = f"{_age(value, now_s)} ago" if name == "last_heard" and value else _in_words(value)
        _row(table, name.replace("_", " "), text)
    _print(table)
    if isinstance(orders, list) and orders:
        queue(orders, now_s)


def _in_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_in_words(item)}" for name, item in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(map(_in_span, value)) or "-"
    return "yes" if value is True else "no" if value is False else _or_dash(value)


def _in_span(item: object) -> str:
    """A span of sample numbers as first…last."""
    match item:
        case [first, 1]:
            return str(first)
        case [int(first), int(count)]:
            return f"{first}…{first + count - 1}"
    return _or_dash(item)


def unknown(rows: Sequence[Row], now_s: int) -> None:
    """rows: as `nodes unknown --json` prints them."""
    table = _table("id", "first heard", "last heard", "frames", "RSSI", "by")
    for row in rows:
        _row(
            table,
            str(row["id"]),
            f"{_age(row['first_heard'], now_s)} ago",
            f"{_age(row['last_heard'], now_s)} ago",
            str(row["frames"]),
            _or_dash(row["rssi_dbm"]),
            str(row["source"]),
        )
    _print(table)


def quarantine(rows: Sequence[Row], now_s: int) -> None:
    """rows: as `quarantine --json` prints them."""
    table = _table("node", "heard", "by", "reason", "what", "frame")
    for row in rows:
        table.add_row(
            str(row["node"]),
            f"{_age(row['heard'], now_s)} ago",
            str(row["source"]),
            str(row["reason"]),
            str(row["detail"]),
            str(row["frame"]),
        )
    _print(table)


def queue(rows: Sequence[Row], now_s: int) -> None:
    """rows: as `queue --json` prints them."""
    table = _table("order", "node", "what", "version", "state", "since", "tries")
    for row in rows:
        _row(
            table,
            str(row["id"]),
            str(row["node"]),
            str(row["order"]),
            _or_dash(row["settings_version"]),
            str(row["state"]),
            _age(row["changed"], now_s),
            str(row["tries"]),
        )
    _print(table)


def duration(seconds: int) -> str:
    """In the largest unit that is not zero: 59 s, 2 min, 3 h, 4 d."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _age(then_s: object, now_s: int, unknown: str = "-") -> str:
    return duration(max(0, now_s - then_s)) if isinstance(then_s, int) else unknown


def _percent(share: object) -> str:
    return f"{100 * share:.4g}%" if isinstance(share, float) else "-"


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column not in ("name", "url", "what", "frame"))
    return table


def _row(table: Table, *cells: str) -> None:
    table.add_row(*map(printable, cells))


def _print(table: Table) -> None:
    console = Console(width=WIDTH, highlight=False, markup=False)
    console.print(table)
