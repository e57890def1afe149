"""The table of names, places and settings: read as offices write it, and each row given to one board."""

from pathlib import Path

import pytest

from lyhord_tools.batch.rows import Row, Rows, read_rows
from lyhord_tools.errors import ToolError


@pytest.mark.parametrize("between", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_table_is_read_as_spreadsheets_write_it(between: str, end: str, mark: str, tmp_path: Path) -> None:
    lines = [
        ["Name", "latitude", "longitude", "profile", "mac", "sample_period"],
        ["Åkergränd 3", "59.1954", "17.6253", "", "24:6F:28:00:00:01", "300"],
        ["", "", "", "", "", ""],
        ["Skolan", "", "", "building", "", ""],
    ]
    path = tmp_path / "table.csv"
    path.write_bytes((mark + end.join(between.join(line) for line in lines) + end).encode())
    first, second = read_rows(path)
    assert (first.name, first.profile, first.mac) == ("Åkergränd 3", "bin", "246f28000001")
    assert first.settings == {"latitude": "59.1954", "longitude": "17.6253", "sample_period": "300"}
    assert (second.name, second.profile, second.settings) == ("Skolan", "building", {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,name\na,b\n", "line 1: expected a name above each column, each once"),
        ("name,\na,b\n", "line 1: expected a name"),
        ("name,latitude\na\n", "line 2: expected 2 columns, it has 1"),
        ("name\na\na\n", "line 3: name a stands in line 2 already"),
        ("port\n/dev/ttyUSB0\n/dev/ttyUSB0\n", "line 3: port"),
        ("name,mac\na,24:6f\n", "line 2: mac: expected twelve hex digits"),
        ("name,wifi_password\na,geheim\n", "passwords stand in no table"),
        ('name\n"a\n', "line"),
    ],
)
def test_a_table_that_is_wrong_names_the_line(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(text)
    with pytest.raises(ToolError, match=says) as fault:
        read_rows(path)
    assert "geheim" not in str(fault.value)


def row(number: int, port: str = "", mac: str = "") -> Row:
    return Row(number, f"Bin {number}", "bin", {}, port, mac)


def test_a_board_gets_its_own_row_then_one_that_is_nobodys() -> None:
    rows = Rows([row(2), row(3, port="p1"), row(4, mac="m1"), row(5)])
    assert rows.take("p9", "m1", None).number == 4
    assert rows.take("p1", "m2", None).number == 3
    assert rows.take("p2", "m3", None).number == 2
    assert rows.take("p3", "m4", None).number == 5
    with pytest.raises(ToolError, match="no row left"):
        rows.take("p4", "m5", None)


def test_a_row_that_a_board_has_from_an_earlier_run_goes_to_nobody_else() -> None:
    rows = Rows([row(2), row(3)])
    rows.hold([2])
    assert rows.take("p", "m2", None).number == 3
    assert rows.take("p", "m1", 2).number == 2
    assert Rows([]).take("p", "m", None).name == ""
