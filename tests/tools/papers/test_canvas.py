"""Words on paper: letters that the font has and those that it has not, long names, whole files."""

from pathlib import Path

import pypdfium2
import pytest

from lyhord_tools.errors import ToolError
from lyhord_tools.papers.canvas import Canvas, canvas, drawable


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("Åkergränd 3, Östra Ängelholm, é ü ß ø æ", "Åkergränd 3, Östra Ängelholm, é ü ß ø æ"),
        ("Škoda Œuvre Łódź", "Skoda ?uvre Lódz"),
        ("5 € – “x”…", '5 ? - "x"...'),
        ("улица 東 ♥", "????? ? ?"),
        ("a\u0308 A\u030a", "ä Å"),
        ("ﬁn ①", "fin 1"),
        ("x\x1b[2J\ny\u202e", "x [2J y "),
        ("\ud800", " "),
    ],
)
def test_a_text_is_drawn_in_the_letters_that_there_are(text: str, drawn: str, tmp_path: Path) -> None:
    assert drawable(text) == drawn
    with canvas(tmp_path / "x.pdf", (100.0, 20.0)) as paper:
        paper.page()
        paper.text(5, 5, 4, text, 90)
    page = pypdfium2.PdfDocument(tmp_path / "x.pdf")[0]
    assert page.get_textpage().get_text_bounded().strip() == drawn.strip()


def test_every_letter_of_unicode_is_drawn_somehow() -> None:
    for code in range(0x110000):
        drawable(chr(code)).encode("latin-1")


def test_a_long_name_is_two_lines_of_about_one_length() -> None:
    paper = Canvas((100.0, 100.0))
    assert paper.wrapped("", 4, 30) == []
    assert paper.wrapped("Bin 7", 4, 30) == ["Bin 7"]
    assert paper.wrapped("Storgatan 12 återvinning", 4, 30) == ["Storgatan 12", "återvinning"]
    assert paper.wrapped("Återvinningscentralen", 4, 20) == ["Återvinningscentralen"]


def test_a_page_that_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    out = tmp_path / "x.pdf"
    out.write_text("before")
    with pytest.raises(ZeroDivisionError), canvas(out, (10.0, 10.0)) as paper:
        paper.page()
        raise ZeroDivisionError
    assert out.read_text() == "before" and [*tmp_path.iterdir()] == [out]


def test_a_folder_is_no_page(tmp_path: Path) -> None:
    (tmp_path / "x.png").mkdir()
    with pytest.raises(ToolError, match="cannot write"), canvas(tmp_path / "x.png", (10.0, 10.0)) as paper:
        paper.page()
    assert [path.name for path in tmp_path.iterdir()] == ["x.png"]
