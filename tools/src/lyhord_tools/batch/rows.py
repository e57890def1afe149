"""Names, places and settings for the boards of a batch, from a table (CSV) with a line of names above.

    name,latitude,longitude,empty_distance          rows are given to boards in the order of their ports
    Storgatan 12,59.1954,17.6253,1200

A column `port` or `mac` ties a row to a board; `profile` and every setting of the node are columns, too.
"""

import csv
import io
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lyhord_tools.errors import ToolError
from lyhord_tools.fleet.keys import read_text

_TIED = ("port", "mac")
_SECRET = "password"


@dataclass(frozen=True, slots=True)
class Row:
    """number: of the line in the file. port, mac: empty where any board will do. settings: for `set`."""

    number: int
    name: str
    profile: str
    settings: Mapping[str, str]
    port: str = ""
    mac: str = ""


def read_rows(path: Path) -> list[Row]:
    """The rows of a table; commas, semicolons and tabs are told apart by the first line. Raises ToolError
    with the line that is wrong."""
    text = read_text(path)
    head = text.split("\n", 1)[0]
    between = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=between, strict=True)
    try:
        names = [name.strip().lower() for name in next(reader, [])]
        if len(set(names)) != len(names) or not all(names):
            raise ToolError(f"{path}, line 1: expected a name above each column, each once")
        rows = [_row(path, reader.line_num, names, cells) for cells in reader if any(map(str.strip, cells))]
    except csv.Error as fault:
        raise ToolError(f"{path}, line {reader.line_num}: {fault}") from fault
    for kind in (*_TIED, "name"):
        _once(path, kind, rows)
    return rows


def _row(path: Path, number: int, names: Sequence[str], cells: Sequence[str]) -> Row:
    if len(cells) != len(names):
        raise ToolError(f"{path}, line {number}: expected {len(names)} columns, it has {len(cells)}")
    told = {name: cell.strip() for name, cell in zip(names, cells, strict=True) if cell.strip()}
    for name in told:
        if _SECRET in name:
            raise ToolError(f"{path}, column {name}: passwords stand in no table; --set {name}=@FILE")
    mac = told.pop("mac", "").lower().replace(":", "").replace("-", "")
    if mac and (len(mac) != 12 or any(digit not in "0123456789abcdef" for digit in mac)):
        raise ToolError(f"{path}, line {number}: mac: expected twelve hex digits")
    name, profile = told.pop("name", ""), told.pop("profile", "bin")
    return Row(number, name, profile, settings=told, port=told.pop("port", ""), mac=mac)


def _once(path: Path, kind: str, rows: Sequence[Row]) -> None:
    seen: dict[str, int] = {}
    for row in rows:
        value = str(getattr(row, kind))
        if value and value in seen:
            raise ToolError(f"{path}, line {row.number}: {kind} {value} stands in line {seen[value]} already")
        seen[value] = row.number


class Rows:
    """The rows that no board has yet."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = list(rows)
        self._any = not rows
        self._lock = threading.Lock()
        self._held: frozenset[int] = frozenset()

    def take(self, port: str, mac: str, number: int | None) -> Row:
        """The row of a board: the one that it had (`number`), its own, or the next that is nobody's. Raises
        ToolError when none is left."""
        if self._any:
            return Row(0, "", "bin", {})
        with self._lock:
            for wanted in (
                lambda row: row.number == number,
                lambda row: row.mac and row.mac == mac,
                lambda row: row.port and row.port == port,
                lambda row: not row.mac and not row.port,
            ):
                for row in self._rows:
                    if wanted(row) and (row.number == number or row.number not in self._held):
                        self._rows.remove(row)
                        return row
        raise ToolError("the table has no row left for this board")

    def hold(self, numbers: Collection[int]) -> None:
        """These rows are of boards that have them from before; only `take` with their number gives them."""
        self._held = frozenset(numbers)
