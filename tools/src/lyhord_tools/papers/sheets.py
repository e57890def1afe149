"""Sheets, rolls and tapes of labels, by the names under which they are sold.

Makers centre the labels on a sheet, so margins and pitch follow from the size, the number and the gap:

    │◀ left ▶│ label │◀ gap ▶│ label │   …   pitch = width + gap; rows touch

For L7651 that is 4.75 mm left, 10.7 mm above and a pitch of 40.6 by 21.2 mm, the numbers in its makers'
templates.
"""

from dataclasses import dataclass

from lyhord_tools.errors import ToolError

A4 = (210.0, 297.0)
_SHEET_EDGE = (1.5, 1.0)  # what a printer's feed is out by


@dataclass(frozen=True, slots=True)
class Sheet:
    """Labels on a page, all in millimetres. gap: between columns. page: None for a roll, where a page is a
    label. edge: at the sides of each label and above and below, where nothing must be printed because the
    printer does not reach it or does not hit it exactly. dpi: of its printers, or half of it. source: of the
    numbers."""

    name: str
    width: float
    height: float
    columns: int = 1
    rows: int = 1
    gap: float = 0.0
    page: tuple[float, float] | None = None
    edge: tuple[float, float] = _SHEET_EDGE
    dpi: int = 300
    source: str = ""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of a page."""
        return self.page or (self.width, self.height)

    @property
    def count(self) -> int:
        """Labels on a page."""
        return self.columns * self.rows

    def corner(self, place: int) -> tuple[float, float]:
        """Left and top of the label at `place`, counted from 0 in reading order."""
        row, column = divmod(place, self.columns)
        wide, high = self.size
        left = (wide - self.columns * self.width - (self.columns - 1) * self.gap) / 2
        top = (high - self.rows * self.height) / 2
        return left + column * (self.width + self.gap), top + row * self.height


_AVERY = "Avery templates, as gLabels has them (avery-iso-templates.xml)"
_QL = "Brother QL: total and printable dots at 300 dpi, as brother_ql has them (labels.py)"
_TZE = "Brother P-touch: printable dots at 180 dpi, as ptouch-print has them (tape_info)"

SHEETS = {
    sheet.name: sheet
    for sheet in (
        Sheet("L7651", 38.1, 21.2, 5, 13, 2.5, A4, source=_AVERY),
        Sheet("L4732", 35.6, 16.9, 5, 16, 2.5, A4, source=_AVERY),
        Sheet("L7654", 45.7, 25.4, 4, 10, 2.5, A4, source=_AVERY),
        Sheet("L7159", 63.5, 33.9, 3, 8, 2.5, A4, source=_AVERY),
        Sheet("L7160", 63.5, 38.1, 3, 7, 2.5, A4, source=_AVERY),
        Sheet("DK-11209", 62.0, 29.0, edge=(1.6, 3.1), source=_QL),
        # Tapes have no length of their own: ours.
        Sheet("DK-22205", 62.0, 40.0, edge=(1.6, 3.1), source=_QL),
        Sheet("TZe-12", 50.0, 12.0, edge=(1.0, 0.7), dpi=180, source=_TZE),
        Sheet("TZe-24", 60.0, 24.0, edge=(1.0, 3.0), dpi=180, source=_TZE),
        Sheet("99012", 89.0, 36.0, edge=(3.0, 1.5), source="Dymo: large address labels, 36 by 89 mm"),
        Sheet("50x25", 50.0, 25.0, dpi=203, source="Zebra and others: a roll's size by its name"),
    )
}


def sheet(name: str) -> Sheet:
    """The sheet of that name, in any spelling of its letters. Raises ToolError."""
    for one in SHEETS.values():
        if one.name.lower() == name.lower():
            return one
    raise ToolError(f"--sheet: expected one of {', '.join(SHEETS)}, not {name!r}")
