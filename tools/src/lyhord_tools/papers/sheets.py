"""Sheets and rolls of labels, by the names under which they are sold."""

from dataclasses import dataclass

from lyhord_tools.errors import ToolError

A4 = (210.0, 297.0)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Labels on a page, all in millimetres. page: None for a roll, where a page is a label. gap: between
    columns; rows touch. Makers centre the labels on the page, so the margins follow from the rest."""

    name: str
    width: float
    height: float
    columns: int = 1
    rows: int = 1
    gap: float = 0.0
    page: tuple[float, float] | None = None

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


SHEETS = {
    sheet.name: sheet
    for sheet in (
        Sheet("L7651", 38.1, 21.2, 5, 13, 2.5, A4),
        Sheet("L7159", 63.5, 33.9, 3, 8, 2.5, A4),
        Sheet("L7160", 63.5, 38.1, 3, 7, 2.5, A4),
        Sheet("DK-11209", 62.0, 29.0),
        Sheet("99012", 89.0, 36.0),
        Sheet("50x25", 50.0, 25.0),
    )
}


def sheet(name: str) -> Sheet:
    """The sheet of that name, in any spelling of its letters. Raises ToolError."""
    for one in SHEETS.values():
        if one.name.lower() == name.lower():
            return one
    raise ToolError(f"--sheet: expected one of {', '.join(SHEETS)}, not {name!r}")
