"""Paper in millimetres: filled boxes and lines of text, written as PDF or, a single page, as PNG."""

import math
import os
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lyhord_tools.errors import ToolError
from lyhord_wire.outside import printable

DPI = 300
_POINTS_PER_INCH = 72
MM_PER_INCH = 25.4
_POINTS_PER_MM = _POINTS_PER_INCH / MM_PER_INCH
_LEAST_MM = 1.4  # a text that is too long gets smaller down to this, then it is cut
_SMALLER = 0.8
_NO_DOT_MORE = 1 - 1e-4  # a size in points is rounded, and a picture of it rounded up
_MORE = "..."
_PLAIN = str.maketrans(
    {"–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "…": "...", "ł": "l", "Ł": "L"}
)


class Canvas:
    """Pages of one size, in millimetres from the upper left corner, with the PDF's built-in Helvetica."""

    def __init__(self, size: tuple[float, float]) -> None:
        # Here, because it takes longer to load than all else together, and most commands print nothing.
        from fpdf import FPDF

        self._pdf = FPDF(unit="mm", format=size)
        self._pdf.set_auto_page_break(False)
        self._pdf.set_margin(0)
        self._pdf.c_margin = 0
        self._pdf.set_creator("lyhord")
        self._size = size

    def page(self) -> None:
        """A new page; all that follows is on it."""
        self._pdf.add_page("portrait", format=self._size)  # its word for: width and height as they are

    def box(self, left: float, top: float, width: float, height: float, grey: int = 0) -> None:
        """A filled box; grey: 0 (black) to 255."""
        self._pdf.set_fill_color(grey)
        self._pdf.rect(left, top, width, height, style="F")

    def text(
        self, left: float, top: float, size: float, text: str, room: float, *, bold: bool = False
    ) -> None:
        """One line, its upper left corner at (left, top), of letters whose body is `size` high.

        Where it is wider than `room` it gets smaller, then shorter.
        """
        text = drawable(text)
        while size > _LEAST_MM and self._width(text, size, bold) > room:
            size = max(_LEAST_MM, size * 0.95)
        if self._width(text, size, bold) > room:
            while text and self._width(text + _MORE, size, bold) > room:
                text = text[:-1]
            text += _MORE
        self._pdf.set_xy(left, top)
        self._pdf.cell(None, size, text)

    def wrapped(self, text: str, size: float, room: float) -> list[str]:
        """The text as one line, or as two where one would get much smaller than `size`. No line: no text."""
        text = drawable(text).strip()
        words = text.split(" ")
        if self._width(text, size * _SMALLER, bold=False) <= room or len(words) < 2:
            return [text] if text else []
        splits = [(" ".join(words[:at]), " ".join(words[at:])) for at in range(1, len(words))]
        return list(min(splits, key=lambda two: max(self._width(line, size, bold=False) for line in two)))

    def _width(self, text: str, size: float, bold: bool) -> float:
        self._pdf.set_font("helvetica", "B" if bold else "", size * _POINTS_PER_MM)
        return float(self._pdf.get_string_width(text))

    def data(self) -> bytes:
        """The PDF."""
        return bytes(self._pdf.output())


def drawable(text: str) -> str:
    """The text in the letters of the built-in font: those of western Europe (ISO 8859-1). Others lose their
    marks (Š is S), dashes and quotes are plain, and what is still foreign is a question mark."""
    drawn = []
    for letter in unicodedata.normalize("NFC", printable(text)).translate(_PLAIN):
        if not _has(letter):
            bare = "".join(
                part for part in unicodedata.normalize("NFKD", letter) if not unicodedata.combining(part)
            )
            letter = bare if bare and _has(bare) else "?"
        drawn.append(letter)
    return "".join(drawn)


def _has(letters: str) -> bool:
    return all(letter <= "\xff" for letter in letters)


@contextmanager
def canvas(out: Path, size: tuple[float, float], pages: int = 1, dpi: int = DPI) -> Iterator[Canvas]:
    """A canvas that is written to `out` at the end, whole or not at all. dpi: of a PNG. Raises ToolError."""
    kind = out.suffix.lower()
    if kind not in (".pdf", ".png"):
        raise ToolError(f"{out}: expected a name that ends in .pdf or .png")
    if kind == ".png" and pages > 1:
        raise ToolError(f"{out}: {pages} pages do not go into one PNG; take a .pdf")
    paper = Canvas(size if kind == ".pdf" else _whole_dots(size, dpi))
    yield paper
    scratch = out.with_name(f".{out.name}.{os.getpid()}{kind}")
    try:
        if kind == ".pdf":
            scratch.write_bytes(paper.data())
        else:
            _picture(paper.data(), scratch, dpi)
        scratch.replace(out)
    except OSError as fault:
        scratch.unlink(missing_ok=True)
        raise ToolError(f"cannot write {out}: {fault.strerror}") from fault


def _whole_dots(size: tuple[float, float], dpi: int) -> tuple[float, float]:
    """The size of a picture that is not stretched to whole dots: a dot would have two widths."""
    width, height = (math.ceil(side / MM_PER_INCH * dpi) / dpi * MM_PER_INCH for side in size)
    return width, height


def _picture(pdf: bytes, path: Path, dpi: int) -> None:
    import pypdfium2

    document = pypdfium2.PdfDocument(pdf)
    try:
        image = document[0].render(scale=dpi / _POINTS_PER_INCH * _NO_DOT_MORE).to_pil()
        image.convert("L").save(path, "PNG", dpi=(dpi, dpi))
    finally:
        document.close()
