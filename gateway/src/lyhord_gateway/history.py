"""The readings that the store still has, of one node and a stretch of time, for people and spreadsheets.

They are read in small pages, so the gateway goes on beside and memory does not grow with the answer. Units
are those of the table of quantities, ratios in per cent.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TextIO

from lyhord_gateway.cli_common import node_number
from lyhord_gateway.faults import UserFault
from lyhord_gateway.profiles.flat import alarm_names, alarm_text, utc
from lyhord_gateway.profiles.scale import scaled, unit
from lyhord_gateway.reading import NodeFacts, Reading, node_text, quantity_name
from lyhord_gateway.store.reader import Reader
from lyhord_wire.tables import QUANTITIES

_PAGE = 500
_PERCENT = 100
_AGO = re.compile(r"(\d{1,6})(s|min|h|d|w)")
_SECONDS = {"s": 1, "min": 60, "h": 3600, "d": 86_400, "w": 604_800}
FOREVER_S = 1 << 40


@dataclass(frozen=True, slots=True)
class Asked:
    """Readings taken from since_s on and before until_s (Unix seconds), in the order of their numbers.
    quantities: those to show; empty: all that occur."""

    node: NodeFacts
    since_s: int
    until_s: int = FOREVER_S
    quantities: tuple[int, ...] = ()


def parse_time(option: str, text: str, now_s: int) -> int:
    """Unix seconds. text: a date or time (ISO 8601, UTC if it names no zone), or so long ago: 24h."""
    if ago := _AGO.fullmatch(text):
        return now_s - int(ago[1]) * _SECONDS[ago[2]]
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserFault(
            f"{option}: expected a time such as 2026-01-31, 2026-01-31T12:00Z or 24h, not {text}"
        ) from error
    return int((time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp())


def parse_quantity(option: str, text: str) -> int:
    for quantity in QUANTITIES.values():
        if quantity.name == text:
            return quantity.key
    if re.fullmatch(r"q\d{1,9}", text):  # as a quantity is shown that this version does not know
        return int(text[1:])
    raise UserFault(f"{option}: expected one of {', '.join(q.name for q in QUANTITIES.values())}, not {text}")


def find_node(reader: Reader, node: str | None, name: str | None) -> NodeFacts:
    """The node with this id (six hexadecimal digits) or this name; raises UserFault if there is not one."""
    if (node is None) == (name is None):
        raise UserFault("readings: expected --node ID or --name NAME")
    if node is not None:
        number = node_number(node)
        row = reader.node(number)
        return row.facts if row else NodeFacts(number)  # its readings may outlive it
    assert name is not None
    found = reader.named(name)
    if len(found) != 1:
        ids = f": {', '.join(map(node_text, found))}; use --node" if found else ""
        raise UserFault(f"--name: expected the name of one node, {len(found)} are called {name}{ids}")
    row = reader.node(found[0])
    assert row is not None
    return row.facts


def readings(reader: Reader, asked: Asked) -> Iterator[Reading]:
    after = -1
    while page := reader.history(asked.node.node, after, asked.since_s, asked.until_s, _PAGE):
        yield from page
        after = page[-1].seq


def print_csv(out: TextIO, reader: Reader, asked: Asked) -> None:
    """One line per reading, one column per quantity with its unit."""
    quantities = _quantities(reader, asked)
    lines = csv.writer(out, lineterminator="\n")
    titles = [_title(quantity, "{0} [{1}]") for quantity in quantities]
    lines.writerow(["time", "node", "name", "number", *titles, "alarms", "rssi_dbm", "snr_db", "source"])
    for reading in readings(reader, asked):
        lines.writerow(
            [
                utc(reading.time_s),
                node_text(reading.node),
                asked.node.name or "",
                reading.seq,
                *_values(reading, quantities, ""),
                alarm_text(reading.alarms or ()),
                reading.rssi_dbm,
                None if reading.snr_q4 is None else reading.snr_q4 / 4,
                reading.heard_by,
            ]
        )


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
            "snr_db": None if reading.snr_q4 is None else reading.snr_q4 / 4,
            "source": reading.heard_by,
        }
        out.write(json.dumps(line, ensure_ascii=False) + "\n")


def print_table(out: TextIO, reader: Reader, asked: Asked) -> None:
    quantities = _quantities(reader, asked)
    titles = ["time", "number", *(_title(quantity, "{0} {1}") for quantity in quantities), "alarms"]
    widths = [20, *(max(len(title), 6) for title in titles[1:-1]), 0]
    out.write(_line(titles, widths))
    for reading in readings(reader, asked):
        cells = [utc(reading.time_s), reading.seq, *_values(reading, quantities, "-")]
        out.write(_line([*cells, alarm_text(reading.alarms or ())], widths))


def _line(cells: Sequence[object], widths: Iterable[int]) -> str:
    columns = (f"{cell:>{width}}" if width else str(cell) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(columns).rstrip() + "\n"


def _quantities(reader: Reader, asked: Asked) -> Sequence[int]:
    return asked.quantities or reader.quantities(asked.node.node, asked.since_s, asked.until_s)


def _title(quantity: int, shape: str) -> str:
    name, symbol = quantity_name(quantity), unit(quantity, _PERCENT)
    return shape.format(name, symbol) if symbol else name


def _values(reading: Reading, quantities: Iterable[int], absent: str) -> list[object]:
    found = (reading.values.get(quantity) for quantity in quantities)
    return [
        absent if value is None else scaled(quantity, value, _PERCENT)
        for quantity, value in zip(quantities, found, strict=True)
    ]
