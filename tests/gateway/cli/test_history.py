"""`lyhord-gateway readings`: what the store still has, for people, spreadsheets and machines."""

import csv
import io
import json
import sqlite3
import time
from pathlib import Path

import pytest

from lyhord_gateway.cli import history
from lyhord_gateway.cli.history import Asked
from lyhord_gateway.cli.readings import find_node, parse_quantity, parse_time
from lyhord_gateway.model.reading import NodeFacts
from lyhord_gateway.store.reader import Reader
from lyhord_gateway.store.schema import connect, open_store
from lyhord_gateway.support.errors import UserError
from lyhord_wire.tables import QUANTITIES
from tests.gateway.parts import GatewayProcess, Node, cli

FIRST_S = 1_767_225_600  # 2026-01-01
NOW_S = FIRST_S + 86_400


@pytest.fixture
def store(tmp_path: Path):
    """3000 readings of node 000a01, one every 15 minutes, and one of another node."""
    path = tmp_path / "lyhord.db"
    connection = open_store(path)
    connection.execute("BEGIN")
    connection.execute("INSERT INTO node (id, name) VALUES (0xA01, 'Storgatan 12'), (2, 'Twin'), (3, 'Twin')")
    for seq in range(3000):
        values = {"1": seq % 101, "3": None if seq == 1 else 200 + seq % 50, "77": 5}
        add(connection, 0xA01, seq, values, "[1, 99]" if seq == 2 else None)
    add(connection, 0xB02, 0, {"5": 3300})
    connection.execute("COMMIT")
    connection.close()
    reader = Reader(connect(path))
    yield reader
    reader.close()


def add(connection: sqlite3.Connection, node: int, seq: int, values: dict, alarms: str | None = None) -> None:
    time_s = FIRST_S + 900 * seq
    connection.execute(
        'INSERT INTO sample (node, seq, time_s, heard_s, "values", alarms, rssi_dbm, snr_q4, source, '
        "backlog) VALUES (?, ?, ?, ?, ?, ?, -97, 26, 'roof', 0)",
        (node, seq, time_s, int(time.time()), json.dumps(values), alarms),
    )


def said(shape, reader: Reader, **asked) -> str:
    out = io.StringIO()
    shape(out, reader, Asked(**{"node": find_node(reader, "000a01", None), "since_s": 0, **asked}))
    return out.getvalue()


def test_csv_has_units_in_its_titles(store: Reader) -> None:
    text = said(history.print_csv, store, until_s=FIRST_S + 2700)
    assert text.splitlines() == [
        "time,node,name,number,fill_level [%],temperature [Cel],q77,alarms,rssi_dbm,snr_db,source",
        "2026-01-01T00:00:00Z,000a01,Storgatan 12,0,0,20,5,,-97,6.5,roof",
        "2026-01-01T00:15:00Z,000a01,Storgatan 12,1,1,,5,,-97,6.5,roof",
        '2026-01-01T00:30:00Z,000a01,Storgatan 12,2,2,20.2,5,"full,alarm_99",-97,6.5,roof',
    ]


def test_every_reading_comes_once_and_in_order_however_many_pages_it_takes(store: Reader) -> None:
    lines = list(csv.DictReader(io.StringIO(said(history.print_csv, store))))
    assert [int(line["number"]) for line in lines] == list(range(3000))


def test_json_lines(store: Reader) -> None:
    lines = said(history.print_json, store, since_s=FIRST_S + 900, until_s=FIRST_S + 2700, quantities=(3,))
    first, second = map(json.loads, lines.splitlines())
    assert first == {
        "time": "2026-01-01T00:15:00Z",
        "node": "000a01",
        "name": "Storgatan 12",
        "number": 1,
        "values": {"temperature": None},
        "alarms": None,
        "rssi_dbm": -97,
        "snr_db": 6.5,
        "source": "roof",
    }
    assert second["values"] == {"temperature": 20.2}
    assert second["alarms"] == ["full", "alarm_99"]


def test_the_table_for_people(store: Reader) -> None:
    lines = said(history.print_table, store, until_s=FIRST_S + 2700).splitlines()
    assert lines == [
        "                             fill_",
        "                             level temperature",
        "                time number      %         Cel    q77 alarms",
        "2026-01-01T00:00:00Z      0      0          20      5",
        "2026-01-01T00:15:00Z      1      1           -      5",
        "2026-01-01T00:30:00Z      2      2        20.2      5 full alarm_99",
    ]


def test_the_table_fits_a_terminal_whatever_is_measured(tmp_path: Path) -> None:
    connection = open_store(tmp_path / "lyhord.db")
    for alarms in ("[1]", json.dumps(list(range(1, 20)))):
        add(connection, 0xA01, len(alarms), {str(key): 60_000 for key in QUANTITIES}, alarms)
    connection.close()
    reader = Reader(connect(tmp_path / "lyhord.db"))
    lines = said(history.print_table, reader).splitlines()
    bin_only = said(history.print_table, reader, quantities=(1, 2, 3, 5, 6)).splitlines()
    reader.close()
    assert max(map(len, lines + bin_only)) <= 80
    titles = " ".join(lines)
    assert not [q.name for q in QUANTITIES.values() if q.name.replace("_", "_ ").split()[-1] not in titles]
    assert bin_only[3].endswith("full") and bin_only[3].startswith("2026-"), "a bin with an alarm is one line"


def test_a_page_is_a_short_look_so_that_the_log_can_be_emptied_meanwhile(
    store: Reader, tmp_path: Path
) -> None:
    readings = history.readings(store, Asked(NodeFacts(0xA01), 0))
    next(readings)
    other = connect(tmp_path / "lyhord.db")
    other.execute("DELETE FROM sample WHERE seq >= 2990")
    assert other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0] == 0, "nobody is in the way"
    other.close()
    assert len(list(readings)) == 2989


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-01-01", FIRST_S),
        ("2026-01-01T01:00", FIRST_S + 3600),
        ("2026-01-01T01:00Z", FIRST_S + 3600),
        ("2026-01-01T01:00:00+01:00", FIRST_S),
        ("24h", FIRST_S),
        ("1d", FIRST_S),
        ("90min", NOW_S - 5400),
        ("0s", NOW_S),
    ],
)
def test_times(text: str, seconds: int) -> None:
    assert parse_time("--since", text, NOW_S) == seconds


@pytest.mark.parametrize("text", ["", "yesterday", "7", "7 d", "-1d", "2026-13-01"])
def test_what_is_no_time_is_one_line(text: str) -> None:
    with pytest.raises(UserError, match="--since: expected a time"):
        parse_time("--since", text, NOW_S)


def test_which_node(store: Reader) -> None:
    assert find_node(store, None, "Storgatan 12").node == 0xA01
    assert find_node(store, "000B02", None) == NodeFacts(0xB02), "not in the registry any more"
    for node, name, fault in [
        (None, None, "expected --node ID or --name NAME"),
        ("000a01", "Storgatan 12", "expected --node ID or --name NAME"),
        ("a01", None, "a01: expected a node id, six hexadecimal digits"),
        (None, "Twin", "2 are called Twin: 000002, 000003; use --node"),
        (None, "Nobody", "0 are called Nobody"),
        ("00ffff", None, "00ffff: expected a node of the registry"),
    ]:
        with pytest.raises(UserError, match=fault):
            find_node(store, node, name)


def test_which_quantity() -> None:
    assert parse_quantity("--quantity", "temperature") == 3
    assert parse_quantity("--quantity", "q77") == 77
    with pytest.raises(UserError, match="expected one of fill_level, "):
        parse_quantity("--quantity", "Temperature")


async def test_beside_a_running_gateway(tmp_path: Path) -> None:
    node = Node()
    gateway = GatewayProcess(tmp_path, None)
    await gateway.add(node)
    connection = connect(tmp_path / "data" / "lyhord.db")
    add(connection, node.id, 0, {"3": 214})
    connection.close()
    async with gateway:
        out = await gateway.cli(
            "readings", "--node", "000a01", "--since", "2026-01-01", "--quantity", "temperature", "--csv"
        )
    assert out.splitlines()[1] == "2026-01-01T00:00:00Z,000a01,,0,21.4,,-97,6.5,roof"
    code, _, err = await cli("readings", "--config", str(gateway.config), "--since", "1d", "--csv", "--json")
    assert code == 2 and err == "lyhord-gateway: readings: expected one of --table, --csv and --json\n"
    code, _, err = await cli(
        "readings", "--config", str(gateway.config), "--node", "000a01", "--since", "1d", "--until", "2d"
    )
    assert code == 2 and err == "lyhord-gateway: --until: expected a later time than that of --since\n"
