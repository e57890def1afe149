"""The live table of a street: one line per node, as the platform and the ether see it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from rich.table import Table

from .platform import Row
from .street import Street


@dataclass(slots=True)
class _Line:
    row: Row
    heard: float


class LiveTable:
    """Call `take` for each row at the platform, `table` for what to show now."""

    def __init__(self) -> None:
        self._lines: dict[str, _Line] = {}

    def take(self, row: Row) -> None:
        line = self._lines.get(row.node)
        if line is None or row.seq >= line.row.seq:
            self._lines[row.node] = _Line(row, time.monotonic())

    def table(self, street: Street, title: str) -> Table:
        """At most 80 columns; a dash where nothing is known yet."""
        table = Table(title=title, title_justify="left")
        for column in (
            "node",
            "name",
            "link",
            "fill\n%",
            "temp\n°C",
            "battery\nV",
            "samples",
            "heard\ns ago",
            "RSSI\ndBm",
        ):
            table.add_column(column, justify="left" if column in ("node", "name", "link") else "right")
        for node in street.nodes:
            node_id = f"{node.label.node:06x}"
            line = self._lines.get(node_id)
            values = dict(line.row.values) if line else {}
            table.add_row(
                node_id,
                node.label.name,
                "WiFi" if street.over_wifi(node) else "LoRa",
                _number(values.get("fill_level"), 100, 0),
                _number(values.get("temperature"), 1, 1),
                _number(values.get("battery"), 1, 2),
                str(len(street.platform.ledger.numbers(node_id))),
                f"{time.monotonic() - line.heard:.0f}" if line else "–",
                _number(values.get("rssi"), 1, 0),
            )
        return table


def _number(value: object, factor: int, digits: int) -> str:
    if not isinstance(value, (int, float)):
        return "–"
    return f"{value * factor:.{digits}f}"
