"""A device's report on one page: who it is, what was measured, the verdict, and who signs for it."""

from pathlib import Path

from lyhord_tools.papers.canvas import Canvas, canvas
from lyhord_tools.papers.label import Label, draw, matrix
from lyhord_tools.papers.record import Record, Step, Verdict
from lyhord_tools.papers.sheets import A4
from lyhord_tools.papers.signature import fingerprint

_LEFT, _TOP = 20.0, 20.0
_WIDTH = A4[0] - 2 * _LEFT
_COLUMNS = (0.0, 42.0, 67.0, 98.0, 115.0)  # step, measured, limits, verdict, detail
_VERDICT = 3
_LINE, _SMALL = 4.0, 3.4
_LEADING, _SPACE = 1.2, 2.2
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
        paper.text(_LEFT, _TOP + 11, 5.0, _verdict(record), _WIDTH - 45, bold=True)
        top = _device(paper, record, _TOP + 20)
        if device.id:
            _code(paper, Label(int(device.id, 16), device.board, device.profile or "bin"))
        _steps(paper, record.steps, top + 6)
        _foot(paper, record, public)


def _verdict(record: Record) -> str:
    failed = sum(step.verdict is Verdict.failed for step in record.steps)
    skipped = sum(step.verdict is Verdict.skipped for step in record.steps)
    told = [f"{failed} of {len(record.steps)} steps"] if failed else []
    told += [f"{skipped} skipped"] if skipped else []
    return f"Self-test: {_WORDS[record.verdict]}" + (f" ({', '.join(told)})" if told else "")


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
    code = matrix(label.text())
    module = 0.9
    draw(paper, code, _LEFT + _WIDTH - len(code) * module, _TOP, module)


def _steps(paper: Canvas, steps: tuple[Step, ...], top: float) -> None:
    heads = ("Step", "Measured", "Limits", "Verdict", "Seen")
    paper.box(_LEFT, top - 1.5, _WIDTH, _ROW + 0.8, grey=225)
    for at, head in zip(_COLUMNS, heads, strict=True):
        paper.text(_LEFT + at + 1, top, _LINE, head, 30, bold=True)
    top += _ROW + 1.4
    for number, step in enumerate(steps):
        cells = [_cell(paper, words, at) for at, words in enumerate(_words(step))]
        height = max(len(lines) for lines in cells) * _SMALL * _LEADING + _SPACE
        if top + height > _BOTTOM:
            left = len(steps) - number
            paper.text(_LEFT + 1, top, _SMALL, f"and {left} more steps in the JSON record", _WIDTH)
            return
        for at, lines in enumerate(cells):
            bold = at == _VERDICT and step.verdict is Verdict.failed
            for index, line in enumerate(lines):
                down = top + index * _SMALL * _LEADING
                paper.text(_LEFT + _COLUMNS[at] + 1, down, _SMALL, line, _room(at), bold=bold)
        paper.box(_LEFT, top + height - _SPACE / 2 - 0.1, _WIDTH, 0.1, grey=190)
        top += height


def _words(step: Step) -> tuple[str, ...]:
    remedy = step.remedy if step.verdict is Verdict.failed else ""
    seen = "; ".join(filter(None, (step.detail, remedy)))
    return step.name, step.measured(), step.limits(), _WORDS[step.verdict], seen


def _cell(paper: Canvas, words: str, at: int) -> list[str]:
    return paper.wrapped(words, _SMALL, _room(at))


def _room(at: int) -> float:
    end = _COLUMNS[at + 1] if at + 1 < len(_COLUMNS) else _WIDTH
    return end - _COLUMNS[at] - 2


def _foot(paper: Canvas, record: Record, public: bytes | None) -> None:
    top = A4[1] - 26.0
    paper.box(_LEFT, top - 2, _WIDTH, 0.3)
    paper.text(_LEFT, top, _LINE, f"Technician: {record.technician or '-'}", _WIDTH)
    if public is not None:
        line = f"Signed with the Ed25519 key {fingerprint(public)}; lyhord report verify checks the JSON file"
        paper.text(_LEFT, top + _ROW, _LINE, line, _WIDTH)
