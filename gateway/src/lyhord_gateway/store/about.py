"""The fields of about reports in a node's row of the registry: a column for each that the gateway works with,
and one JSON object for all others, so that a new field needs no migration.
"""

import sqlite3
from collections.abc import Mapping

import msgspec

from lyhord_wire import tables
from lyhord_wire.fields import Field
from lyhord_wire.outside import printable

_COLUMNS = {
    tables.ABOUT_NAME: "name",
    tables.ABOUT_LATITUDE: "latitude_e6",
    tables.ABOUT_LONGITUDE: "longitude_e6",
    tables.ABOUT_PROFILE: "profile",
    tables.ABOUT_BOARD: "board",
    tables.ABOUT_EMPTY_DISTANCE: "empty_mm",
    tables.ABOUT_FULL_DISTANCE: "full_mm",
    tables.ABOUT_VERSION: "firmware",
}
_decoder = msgspec.json.Decoder(dict[int, int | str])


def enter_about(connection: sqlite3.Connection, node: int, about: Mapping[int, int | str]) -> None:
    """Enters the fields of one about report within the caller's transaction; those of others stay."""
    rest: dict[int, int | str] = {}
    for key, value in about.items():
        entered = printable(value) if isinstance(value, str) else value
        if (column := _COLUMNS.get(key)) is None:
            rest[key] = entered
        else:
            connection.execute(f"UPDATE node SET {column} = ? WHERE id = ?", (entered, node))  # noqa: S608
    if rest:
        row = connection.execute("SELECT about FROM node WHERE id = ?", (node,)).fetchone()
        merged = _fields(row[0] if row else "{}") | rest
        connection.execute(
            "UPDATE node SET about = ? WHERE id = ?", (msgspec.json.encode(merged).decode(), node)
        )


def forget_about(connection: sqlite3.Connection, node: int) -> None:
    """Another device has the id: what only the one before it could tell is gone."""
    connection.execute("UPDATE node SET about = '{}' WHERE id = ?", (node,))


def named_fields(text: str) -> dict[str, int | float | str]:
    """The column `about` by the fields' names, in their units: `mounting_height_mm`: 1500. A field that this
    version does not know is `about_` and its key."""
    return dict(_named(key, value) for key, value in sorted(_fields(text).items()))


def _fields(text: str) -> dict[int, int | str]:
    try:
        return _decoder.decode(text)
    except msgspec.DecodeError:
        return {}  # damaged on the disk; the node tells it again, and is worth more than that


def _named(key: int, value: int | str) -> tuple[str, int | float | str]:
    field = tables.ABOUT.get(key)
    if field is None:
        return f"about_{key}", value
    if isinstance(value, str):
        return field.name, value
    if field.shape == Field.VERSION:
        return field.name, f"{value >> 16}.{value >> 8 & 255}.{value & 255}"
    name = f"{field.name}_{field.unit.lower()}" if field.unit else field.name
    return name, value / field.den if field.den > 1 else value
