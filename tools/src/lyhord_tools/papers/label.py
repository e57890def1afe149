"""Labels: a QR that a telephone reads and six digits that a person does; never a key.

    LYHORD:N/000A01/DEVKIT-RFM95/BIN        what the QR says; `lyhord` takes it for an id
    LYHORD:N/000A01                         on a label that is small
    https://bins.example.se/n/000a01        with a base address of the city's own

The first two are all capitals and digits, which a QR packs tightly (ISO/IEC 18004, alphanumeric mode): 29 and
21 modules a side, and it is read with a quarter of it dirty or torn (level Q).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import segno

from lyhord_tools.errors import ToolError
from lyhord_tools.papers.canvas import MM_PER_INCH, Canvas, canvas
from lyhord_tools.papers.sheets import Sheet
from lyhord_wire.frame import NODE_MAX

QUIET = 4  # modules around a QR, ISO/IEC 18004 section 6.3.8
MODULE_EASY_MM = 0.5  # below, board and profile give way, and the QR has fewer and larger modules
MODULE_MIN_MM = 0.35  # below, the camera of a telephone at arm's length guesses
_SCHEME = re.compile(r"LYHORD:N/([0-9A-F]{6})(?:/([A-Z0-9\-]{1,40}))?(?:/([A-Z]{1,20}))?", re.I | re.A)
_ADDRESS = re.compile(r"https?://\S{1,200}/([0-9a-f]{6})/?", re.I | re.A)
_BASE = re.compile(r"https?://[!-~]{1,150}")
_LINE_MIN_MM, _LINE_MAX_MM = 1.7, 4.2  # of letters beside the QR
_ROUNDING = 1e-6
_HAIR_MM = 0.004
_LEADING = 1.15  # from a line to the next, in heights of a letter
_GAP_MM = 0.5  # between QR and text, besides the quiet zone

Matrix = tuple[bytearray, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """A board as its label names it. made: the day on it; None: not printed."""

    node: int
    board: str = ""
    profile: str = ""
    name: str = ""
    made: date | None = None

    @property
    def digits(self) -> str:
        """The id in two groups, as people read it out."""
        return f"{self.node >> 12:03x} {self.node & 0xFFF:03x}"

    def text(self, base: str | None = None) -> str:
        """The words in its QR."""
        if base is not None:
            return f"{base.rstrip('/')}/{self.node:06x}"
        words = (f"LYHORD:N/{self.node:06X}", self.board.upper().replace("_", "-"), self.profile.upper())
        return "/".join(words[: 1 + bool(self.board) + bool(self.board and self.profile)])


def is_label(text: str) -> bool:
    """True for what a scanner says and no person types: the beginning of a label of ours, or an address."""
    return text.strip().lower().startswith(("lyhord:", "https://", "http://"))


def parse(text: str) -> Label:
    """The label whose QR says this. Raises ToolError."""
    text = text.strip()
    if found := _SCHEME.fullmatch(text):
        node, board, profile = found[1], found[2] or "", found[3] or ""
        label = Label(int(node, 16), board.lower().replace("-", "_"), profile.lower())
    elif found := _ADDRESS.fullmatch(text):
        label = Label(int(found[1], 16))
    else:
        raise ToolError("this is no label of ours; expected LYHORD:N/… or an address that ends in six digits")
    if not 1 <= label.node <= NODE_MAX:
        raise ToolError("the label names no node: its id is 000000")
    return label


def matrix(text: str) -> Matrix:
    """The modules of a text's QR, without the quiet zone."""
    return tuple(segno.make(text, error="q", boost_error=False, micro=False).matrix)


def draw(paper: Canvas, code: Matrix, left: float, top: float, module: float) -> None:
    """A QR whose first module is at (left, top). Its boxes are a hair smaller than its modules: printers and
    renderers darken every dot that a box touches, and a PDF's numbers are rounded."""
    for y, row in enumerate(code):
        for x, dark in _runs(row):
            at = (left + x * module + _HAIR_MM, top + y * module + _HAIR_MM)
            paper.box(*at, dark * module - 2 * _HAIR_MM, module - 2 * _HAIR_MM)


def render(
    labels: Sequence[Label],
    sheet: Sheet,
    out: Path,
    *,
    skip: int = 0,
    base: str | None = None,
    done: Callable[[int, int], None] = lambda _done, _all: None,
) -> int:
    """Writes labels to `out`, a .pdf or a .png; the number of pages.

    skip: places of the first sheet that are used already. done: is told how many of how many are drawn.
    Raises ToolError when a QR gets too fine for its label, a PNG would have several pages, or the file cannot
    be written.
    """
    if not 0 <= skip < sheet.count:
        raise ToolError(f"--skip: expected 0 to {sheet.count - 1} on {sheet.name}")
    if not labels:
        raise ToolError("no label to print")
    if base is not None and not _BASE.fullmatch(base):
        raise ToolError("--base-url: expected https://… without spaces")
    pages = -(-(skip + len(labels)) // sheet.count)
    with canvas(out, sheet.size, pages, sheet.dpi) as paper:
        for number, (place, label) in enumerate(_placed(labels, sheet, skip, paper), start=1):
            _draw(paper, label, sheet, sheet.corner(place), base)
            done(number, len(labels))
    return pages


def _placed(labels: Sequence[Label], sheet: Sheet, skip: int, paper: Canvas) -> Iterator[tuple[int, Label]]:
    for number, label in enumerate(labels, start=skip):
        if number % sheet.count == 0 or number == skip:
            paper.page()
        yield number % sheet.count, label


def _code(label: Label, sheet: Sheet, base: str | None) -> tuple[Matrix, float]:
    """The QR that fits on the label, and the millimetres of its modules. The quiet zone is as white where the
    printer does not reach as where it does."""
    wanted = [(label.text(base), MODULE_MIN_MM)]
    if base is None:
        wanted = [(label.text(), MODULE_EASY_MM), (Label(label.node).text(), MODULE_MIN_MM)]
    for text, least in wanted:
        code = matrix(text)
        module = min(
            min(sheet.height, sheet.width / 2) / (len(code) + 2 * QUIET),
            (sheet.height - 2 * sheet.edge[1]) / len(code),
        )
        module = _in_dots(module, sheet, MODULE_MIN_MM)
        if module >= least:
            return code, module
    raise ToolError(
        f"the QR would have modules of {module:.2f} mm on {sheet.name}, expected {MODULE_MIN_MM} or more: "
        "take larger labels, or a shorter --base-url"
    )


def _in_dots(length: float, sheet: Sheet, least: float = 0) -> float:
    """The length as whole dots of the printer, so that all modules are of one size; as it is where that would
    be less than `least`."""
    dot = MM_PER_INCH / sheet.dpi
    dots = int(length / dot + _ROUNDING) * dot
    return dots if dots >= least else length


def _draw(paper: Canvas, label: Label, sheet: Sheet, corner: tuple[float, float], base: str | None) -> None:
    if not 1 <= label.node <= NODE_MAX:
        raise ToolError(f"expected a node from 000001 to ffffff, not {label.node:06x}")
    left, top = corner
    code, module = _code(label, sheet, base)
    side = len(code) * module
    indent = max(QUIET * module, sheet.edge[0])
    above = (sheet.height - side) / 2
    start = (_in_dots(left + indent, sheet), _in_dots(top + above, sheet))
    draw(paper, code, *start, module)
    beside = indent + side + QUIET * module + _GAP_MM
    room = sheet.width - sheet.edge[0] - beside
    _words(paper, label, (left + beside, top + sheet.edge[1]), (room, sheet.height - 2 * sheet.edge[1]))


def _words(paper: Canvas, label: Label, corner: tuple[float, float], size: tuple[float, float]) -> None:
    """The six digits, and below them what else is known, in the middle of a field of this size."""
    (left, top), (room, height) = corner, size
    big = min(height * 0.36, room / 3.6)
    most = min(height * 0.17, big * 0.62, _LINE_MAX_MM)
    below = height - big * _LEADING
    day = label.made.isoformat() if label.made else ""
    last = " ".join(filter(None, (label.profile, day)))
    lines = [*paper.wrapped(label.name, most, room), *filter(None, (label.board, last))]
    # On a narrow tape the last ones go; the QR has the board and the profile, the fleet file all of it.
    lines = lines[: int(below / (_LINE_MIN_MM * _LEADING))]
    line = min(most, below / (_LEADING * max(len(lines), 1)))
    top += (below - len(lines) * line * _LEADING) / 2
    paper.text(left, top, big, label.digits, room, bold=True)
    top += big * _LEADING
    for text in lines:
        paper.text(left, top, line, text, room)
        top += line * _LEADING


def _runs(row: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and length of each run of dark modules."""
    start = None
    for x, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            yield start, x - start
            start = None
