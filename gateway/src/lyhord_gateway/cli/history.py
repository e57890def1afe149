"""The readings that the store still has, of one node and a stretch of time, for people and spreadsheets.

They are read in small pages, so the gateway goes on beside and memory does not grow with the answer. Units
are those of the table of quantities, ratios in per cent.
"""

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TextIO

from lyhord_gateway.cli.common import json_line
from lyhord_gateway.cli.show import WIDTH
from lyhord_gateway.model.reading import NodeFacts, Reading, node_text, quantity_name, snr_db
from lyhord_gateway.profiles.flat import alarm_names, alarm_text, utc
from lyhord_gateway.profiles.scale import scaled, unit
from lyhord_gateway.store.reader import Reader
from lyhord_wire.outside import csv_cell

_PAGE = 500
_PERCENT = 100
_TIME = len("2026-01-31T12:00:00Z")
_NUMBER = 6  # columns of a value at least
FOREVER_S = 1 << 40


@dataclass(frozen=True, slots=True)
class Asked:
    """Readings taken from since_s on and before until_s (Unix seconds), in the order of their numbers.
    quantities: those to show; empty: all that occur."""

    node: NodeFacts
    since_s: int
    until_s: int = FOREVER_S
    quantities: tuple[int, ...] = ()


def readings(reader: Reader, asked: Asked) -> Iterator[Reading]:
    after = -1
    while page := reader.history(asked.node.node, after, asked.since_s, asked.until_s, _PAGE):
        yield from page
        after = page[-1].seq


def print_csv(out: TextIO, reader: Reader, asked: Asked) -> None:
    """One line per reading, one column per quantity with its unit."""
    quantities = _quantities(reader, asked)
    lines = csv.writer(out, lineterminator="\n")
    titles = [_title(quantity) for quantity in quantities]
    lines.writerow(["time", "node", "name", "number", *titles, "alarms", "rssi_dbm", "snr_db", "source"])
    for reading in readings(reader, asked):
        row = [
            utc(reading.time_s),
            node_text(reading.node),
            asked.node.name or "",
            reading.seq,
            *_values(reading, quantities, ""),
            alarm_text(reading.alarms or ()),
            reading.rssi_dbm,
            snr_db(reading.snr_q4),
            reading.heard_by,
        ]
        lines.writerow(map(csv_cell, row))


def print_json(out: TextIO, reader: Reader, asked: Asked) -> None:
    """JSON Lines: one object per reading. A value is null where the sensor gave none."""
    for reading in readings(reader, asked):
        line = {
            "time": utc(reading.time_s),
            "node": node_text(reading.node),
            "name": asked.node.name,
            "number": reading.seq,
            "values": {
                quantity_name(quantity): None if value is None else scaled(quantity, value, _PERCENT)
                for quantity, value in reading.values.items()
                if not asked.quantities or quantity in asked.quantities
            },
            "alarms": None if reading.alarms is None else alarm_names(reading.alarms),
            "rssi_dbm": reading.rssi_dbm,
            "snr_db": snr_db(reading.snr_q4),
            "source": reading.heard_by,
        }
        out.write(json_line(line) + "\n")


def print_table(out: TextIO, reader: Reader, asked: Asked) -> None:
    """Titles are stacked, so that what a bin measures fits into a terminal; more goes onto further lines."""
    quantities = _quantities(reader, asked)
    titles = [["time"], ["number"], *map(_words, quantities), ["alarms"]]
    widths = [_TIME, *(max(_NUMBER, *map(len, words)) for words in titles[1:-1])]
    depth = max(map(len, titles))
    levels = [[([""] * depth + words)[level - depth] for words in titles] for level in range(depth)]
    for lines in zip(*(_flow(level, [*widths, len("alarms")]) for level in levels), strict=True):
        out.writelines(line for line in lines if line.strip())
    for reading in readings(reader, asked):
        cells = [utc(reading.time_s), reading.seq, *_values(reading, quantities, "-")]
        out.writelines(_flow([*cells, *alarm_names(reading.alarms or ())], widths))


def _flow(cells: Iterable[object], widths: Sequence[int]) -> list[str]:
    """Cells flushed right; what has no room goes on in another line, below the first quantity."""
    lines = [""]
    for cell, width in zip_longest(cells, widths, fillvalue=0):
        text = f"{cell:>{width}}"
        if len(lines[-1]) + 1 + len(text) > WIDTH:
            lines.append(" " * (_TIME + 1 + _NUMBER))
        lines[-1] += f" {text}" if lines[-1] else text
    return [f"{line.rstrip()}\n" for line in lines]


def _quantities(reader: Reader, asked: Asked) -> Sequence[int]:
    return asked.quantities or reader.quantities(asked.node.node, asked.since_s, asked.until_s)


def _words(quantity: int) -> list[str]:
    """The title in short lines: fill_, level, %."""
    name, symbol = quantity_name(quantity), unit(quantity, _PERCENT)
    return [*name.replace("_", "_\n").split("\n"), *([symbol] if symbol else [])]


def _title(quantity: int) -> str:
    name, symbol = quantity_name(quantity), unit(quantity, _PERCENT)
    return f"{name} [{symbol}]" if symbol else name


def _values(reading: Reading, quantities: Iterable[int], absent: str) -> list[object]:
    found = (reading.values.get(quantity) for quantity in quantities)
    return [
        absent if value is None else scaled(quantity, value, _PERCENT)
        for quantity, value in zip(quantities, found, strict=True)
    ]
