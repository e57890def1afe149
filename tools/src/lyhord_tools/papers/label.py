"""Labels: a QR that a telephone reads and six digits that a person does; never a key.

    LYHORD:N/000A01/DEVKIT-RFM95/BIN    in the QR; `lyhord` opens it, and so will a page for telephones
    https://bins.example.se/n/000a01    with a base address of the city's own

The first form is all capitals and digits, which a QR packs tightly (ISO/IEC 18004, alphanumeric mode): 29
modules a side, legible with a quarter of it dirty or torn (level Q).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import segno

from lyhord_tools.errors import ToolError
from lyhord_tools.papers.canvas import Canvas, canvas
from lyhord_tools.papers.sheets import Sheet
from lyhord_wire.frame import NODE_MAX

QUIET = 4  # modules around a QR, ISO/IEC 18004 section 6.3.8
MODULE_MIN_MM = 0.35  # below, the camera of a telephone at arm's length guesses
_SCHEME = re.compile(r"LYHORD:N/([0-9A-F]{6})/([A-Z0-9\-]{1,40})/([A-Z]{1,20})", re.I)
_ADDRESS = re.compile(r"https?://\S{1,200}/([0-9a-f]{6})/?", re.I)
_MARGIN_MM = 1.5


@dataclass(frozen=True, slots=True)
class Label:
    """A board as its label names it. made: the day on it; None: not printed."""

    node: int
    board: str = ""
    profile: str = ""
    name: str = ""
    made: date | None = None

    def text(self, base: str | None = None) -> str:
        """The words in its QR."""
        if base is not None:
            return f"{base.rstrip('/')}/{self.node:06x}"
        return f"LYHORD:N/{self.node:06X}/{self.board.upper().replace('_', '-')}/{self.profile.upper()}"


def parse(text: str) -> Label:
    """The label whose QR says this. Raises ToolError."""
    text = text.strip()
    if found := _SCHEME.fullmatch(text):
        node, board, profile = found.groups()
        label = Label(int(node, 16), board.lower().replace("-", "_"), profile.lower())
    elif found := _ADDRESS.fullmatch(text):
        label = Label(int(found[1], 16))
    else:
        raise ToolError("this is no label of ours; expected LYHORD:N/… or an address that ends in six digits")
    if not 1 <= label.node <= NODE_MAX:
        raise ToolError("the label names no node: its id is 000000")
    return label


def render(
    labels: Sequence[Label], sheet: Sheet, out: Path, *, skip: int = 0, base: str | None = None
) -> int:
    """Writes labels to `out`, a .pdf or a .png; the number of pages.

    skip: places of the first sheet that are used already. Raises ToolError when a QR gets too fine for its
    label, a PNG would have several pages, or the file cannot be written.
    """
    if not 0 <= skip < sheet.count:
        raise ToolError(f"--skip: expected 0 to {sheet.count - 1} on {sheet.name}")
    if not labels:
        raise ToolError("no label to print")
    for label in labels:
        _check(label, base)
    pages = -(-(skip + len(labels)) // sheet.count)
    with canvas(out, sheet.size, pages) as paper:
        for place, label in _placed(labels, sheet, skip, paper):
            _draw(paper, label, sheet, sheet.corner(place), base)
    return pages


def _check(label: Label, base: str | None) -> None:
    if not 1 <= label.node <= NODE_MAX:
        raise ToolError(f"expected a node from 000001 to ffffff, not {label.node:06x}")
    if base is not None and not re.fullmatch(r"https?://[!-~]{1,150}", base):
        raise ToolError("--base-url: expected https://… without spaces")


def _placed(labels: Sequence[Label], sheet: Sheet, skip: int, paper: Canvas) -> Iterator[tuple[int, Label]]:
    for number, label in enumerate(labels, start=skip):
        if number % sheet.count == 0 or number == skip:
            paper.page()
        yield number % sheet.count, label


def _draw(paper: Canvas, label: Label, sheet: Sheet, corner: tuple[float, float], base: str | None) -> None:
    left, top = corner
    code = segno.make(label.text(base), error="q", boost_error=False, micro=False)
    modules = len(code.matrix) + 2 * QUIET
    side = min(sheet.height, sheet.width / 2)
    module = side / modules
    if module < MODULE_MIN_MM:
        raise ToolError(
            f"the QR's modules would be {module:.2f} mm on {sheet.name}, expected {MODULE_MIN_MM} or more: "
            "take larger labels, or a shorter --base-url"
        )
    above = top + (sheet.height - side) / 2
    for y, row in enumerate(code.matrix):
        for x, dark in _runs(row):
            paper.box(left + (QUIET + x) * module, above + (QUIET + y) * module, dark * module, module)
    beside = left + side
    room = sheet.width - side - _MARGIN_MM
    big = min(sheet.height * 0.24, room / 3.6)
    line = min(sheet.height * 0.13, 4.2)
    below = top + sheet.height * 0.13
    digits = f"{label.node:06x}"
    paper.text(beside, below, big, f"{digits[:3]} {digits[3:]}", room, bold=True)
    below += big * 1.35
    for text in (label.name, label.board, " ".join(filter(None, (label.profile, _day(label.made))))):
        if text:
            paper.text(beside, below, line, text, room)
            below += line * 1.3


def _runs(row: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Start and length of each run of dark modules."""
    start = None
    for x, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = x
        elif not dark and start is not None:
            yield start, x - start
            start = None


def _day(made: date | None) -> str:
    return made.isoformat() if made else ""
