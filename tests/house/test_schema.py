"""A table that a migration adds is one whose rows the recovery can judge."""

import sqlite3

from lyhord_gateway.store.recovery.sound import CHECKED
from lyhord_gateway.store.schema import make_schema, migrations


def test_the_rows_of_every_table_have_a_check():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    make_schema(connection, len(migrations()))
    tables = {
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        if not name.startswith("sqlite_")
    }
    connection.close()
    assert len(tables) >= 10
    assert tables == CHECKED, "store/recovery/sound.py says what the rows of each table must be"
