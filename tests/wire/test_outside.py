"""Text from outside is read as it was meant, or named; and what is shown of it commands nobody's terminal."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lyhord_wire.outside import (
    NotText,
    csv_cell,
    escaped,
    first_line,
    forgive,
    lines_of,
    one_line,
    printable,
    text_of,
    typed,
)


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"user\npass", ["user", "pass"]),
        (b"user\npass\n", ["user", "pass"]),
        (b"\xef\xbb\xbfuser\r\npass\r\n", ["user", "pass"]),
        (b" user\npass \n", [" user", "pass "]),
        ("a\u2028b\x0bc\n".encode(), ["a\u2028b\x0bc"]),  # no ends of lines in a file, whatever Unicode says
    ],
)
def test_lines_are_what_their_writer_meant(data: bytes, lines: list[str]) -> None:
    assert lines_of(data) == lines


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("å".encode("utf-16"), "UTF-16; save it as UTF-8"),
        ("å".encode("latin-1"), "expected UTF-8 text"),
        (b"a\0b", "zero byte"),
        (b"\xef\xbb\xbf\xff", "expected UTF-8 text"),
    ],
)
def test_what_is_no_text_is_named(data: bytes, says: str) -> None:
    with pytest.raises(NotText, match=says):
        text_of(data)


def test_a_typed_word_is_utf8_where_the_terminal_does_not_know() -> None:
    assert typed("\udcc3\udc85ker") == typed("Åker") == "Åker"
    assert typed("\udcff") == "\udcff"


def test_a_secret_is_one_line() -> None:
    assert first_line(b"\xef\xbb\xbf hush \r\n") == " hush "
    for data in (b"", b"a\nb\n"):
        with pytest.raises(NotText, match="one line"):
            first_line(data)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Åkergränd 3", "Åkergränd 3"),
        ("a\x1b[2Jb", "a [2Jb"),
        ("a\x9bb\x07", "a b "),
        ("abc\u202etxt", "abc txt"),
        ("a\udcffb", "a b"),
    ],
)
def test_nothing_that_is_shown_commands_a_terminal(text: str, shown: str) -> None:
    assert printable(text) == shown
    assert one_line(f"\n{text}\r\n").strip() == shown.strip()


@pytest.mark.parametrize(
    "formula", ["=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1", "＝1"]
)
def test_a_cell_is_no_formula(formula: str) -> None:
    found = csv_cell(formula)
    assert isinstance(found, str) and found[0] == "'" and found.isprintable()


@pytest.mark.parametrize("value", ["Storgatan 12", "", 5, -5, -0.5, None])
def test_other_cells_are_what_they_are(value: object) -> None:
    assert csv_cell(value) == value


@given(st.recursive(st.text() | st.none() | st.integers(), lambda inner: st.lists(inner, max_size=3)))
def test_escaped_json_says_the_same_and_is_printed(value: object) -> None:
    text = escaped(json.dumps(value, ensure_ascii=False))
    assert text.isprintable()
    assert json.loads(text) == value


def test_a_terminal_without_a_letter_shows_a_question_mark() -> None:
    raw = io.BytesIO()
    terminal = io.TextIOWrapper(raw, encoding="ascii")
    forgive(terminal)
    terminal.write("Å 3")
    terminal.flush()
    assert raw.getvalue() == b"? 3"
    forgive(io.StringIO())
