"""A device's report on one page: who it is, what was measured, the verdict, and who signs for it."""

from pathlib import Path

import segno

from lyhord_tools.papers.canvas import Canvas, canvas
from lyhord_tools.papers.label import QUIET, Label
from lyhord_tools.papers.record import Record, Step, Verdict
from lyhord_tools.papers.sheets import A4
from lyhord_tools.papers.signature import fingerprint

_LEFT, _TOP = 20.0, 20.0
_WIDTH = A4[0] - 2 * _LEFT
_COLUMNS = (0.0, 46.0, 76.0, 112.0, 130.0)  # step, measured, limits, verdict, detail
_LINE = 4.0
_ROW = 6.2
_BOTTOM = A4[1] - 34.0
_WORDS = {Verdict.passed: "pass", Verdict.failed: "FAIL", Verdict.skipped: "skipped"}


def render(record: Record, out: Path, public: bytes | None = None) -> None:
    """Writes the page, a .pdf or .png. public: the key that signs, for its fingerprint. Raises ToolError."""
    with canvas(out, A4) as paper:
        paper.page()
        device = record.device
        title = f"Node {device.id}" if device.id else "Board without an identity"
        paper.text(_LEFT, _TOP, 8.0, title, _WIDTH - 45, bold=True)
        paper.text(_LEFT, _TOP + 11, 5.0, f"Self-test: {_WORDS[record.verdict]}", _WIDTH - 45, bold=True)
        top = _device(paper, record, _TOP + 20)
        if device.id:
            _code(paper, Label(int(device.id, 16), device.board, device.profile or "bin"))
        _steps(paper, record.steps, top + 6)
        _foot(paper, record, public)


def _device(paper: Canvas, record: Record, top: float) -> float:
    device = record.device
    rows = (
        ("Name", device.name),
        ("Board", f"{device.board}, MAC {device.mac}"),
        ("Firmware", f"Lyhörd {device.app} {device.version}, MicroPython {device.micropython}"),
        ("Image", f"SHA-256 {record.image_sha256}" if record.image_sha256 else ""),
        ("Made", record.made),
    )
    for name, value in rows:
        if value:
            paper.text(_LEFT, top, _LINE, name, 24, bold=True)
            paper.text(_LEFT + 26, top, _LINE, value, _WIDTH - 26)
            top += _ROW
    return top


def _code(paper: Canvas, label: Label) -> None:
    matrix = segno.make(label.text(), error="q", boost_error=False, micro=False).matrix
    side = 32.0
    module = side / (len(matrix) + 2 * QUIET)
    left = _LEFT + _WIDTH - side
    for y, row in enumerate(matrix):
        for x, dark in enumerate(row):
            if dark:
                paper.box(left + (QUIET + x) * module, _TOP - 4 + (QUIET + y) * module, module, module)


def _steps(paper: Canvas, steps: tuple[Step, ...], top: float) -> None:
    heads = ("Step", "Measured", "Limits", "Verdict", "Seen")
    paper.box(_LEFT, top - 1.5, _WIDTH, _ROW + 0.8, grey=225)
    for at, head in zip(_COLUMNS, heads, strict=True):
        paper.text(_LEFT + at + 1, top, _LINE, head, 30, bold=True)
    top += _ROW + 2
    for number, step in enumerate(steps):
        if top > _BOTTOM:
            left = len(steps) - number
            paper.text(_LEFT, top, _LINE, f"and {left} more steps in the JSON record", _WIDTH)
            return
        measured = "" if step.value is None else f"{step.value} {step.unit}".strip()
        cells = (step.name, measured, step.limits(), _WORDS[step.verdict], step.detail or step.remedy)
        for index, (at, cell) in enumerate(zip(_COLUMNS, cells, strict=True)):
            end = _COLUMNS[index + 1] if index + 1 < len(_COLUMNS) else _WIDTH
            bold = index == _COLUMNS.index(112.0) and step.verdict is Verdict.failed
            if cell:
                paper.text(_LEFT + at + 1, top, _LINE, cell, end - at - 2, bold=bold)
        top += _ROW


def _foot(paper: Canvas, record: Record, public: bytes | None) -> None:
    top = A4[1] - 26.0
    paper.box(_LEFT, top - 2, _WIDTH, 0.3)
    paper.text(_LEFT, top, _LINE, f"Technician: {record.technician or '-'}", _WIDTH)
    if public is not None:
        line = f"Signed with the Ed25519 key {fingerprint(public)}; lyhord report verify checks the JSON file"
        paper.text(_LEFT, top + _ROW, _LINE, line, _WIDTH)
