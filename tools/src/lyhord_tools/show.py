"""Output of commands for people: plain text, at most 80 columns, no escape codes."""

import json
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from lyhord_tools.device.ports import SerialPort
from lyhord_tools.device.probe import Found
from lyhord_tools.device.verify import Verdict
from lyhord_tools.image import micropython
from lyhord_tools.image.build import ImageReport
from lyhord_tools.image.tree import Tree
from lyhord_tools.papers.record import Record
from lyhord_tools.papers.record import Verdict as StepVerdict
from lyhord_wire.outside import escaped

WIDTH = 80
_VERDICTS = {StepVerdict.passed: "pass", StepVerdict.failed: "FAIL", StepVerdict.skipped: "skipped"}


def table(
    head: Sequence[str], rows: Sequence[Sequence[str]], right: frozenset[int] = frozenset()
) -> Iterator[str]:
    """Lines of a table; columns in `right` are flushed right.

    The first column gives way when it gets too wide.
    """
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    widths[0] = min(widths[0], WIDTH - sum(widths[1:]) - 2 * (len(widths) - 1))
    for row in [head, *rows]:
        cells = [_fit(cell, widths[at], at in right) for at, cell in enumerate(row)]
        yield "  ".join(cells).rstrip()


def sizes(report: ImageReport) -> Iterator[str]:
    """Bytes per module, and what they come to in the image."""
    rows = [(file.path, str(file.source_bytes), str(file.stored_bytes)) for file in report.files]
    rows.append(("total", str(sum(file.source_bytes for file in report.files)), str(report.stored_bytes)))
    yield from table(("file", "source bytes", "stored bytes"), rows, frozenset({1, 2}))
    yield f"image: {report.used} of {report.size} bytes in use, sha256 {report.sha256[:16]}…"


def would_flash(tree: Tree) -> list[str]:
    """Lines of what goes onto boards from a tree. Raises ToolError for one without a version."""
    boards = [f"{board} ({tree.layout(board).chip})" for board in tree.boards()]
    return [
        f"firmware: {tree.version()} in {tree.root}",
        "MicroPython: {}.{} or newer".format(*micropython.OLDEST),
        *textwrap.wrap(f"boards: {', '.join(boards)}", WIDTH, subsequent_indent="  ", break_on_hyphens=False),
    ]


def port(found: SerialPort, runs: Found | None) -> Iterator[str]:
    """A serial port, and what runs behind it if that was asked, in a few short lines."""
    yield escaped(found.device)
    if found.stable != found.device:
        yield f"  place:   {escaped(found.stable)}"
    if found.adapter or found.serial_number:
        told = [found.adapter or "", f"serial number {found.serial_number}" if found.serial_number else ""]
        yield f"  adapter: {escaped(', '.join(filter(None, told)))}"
    if found.holder is not None:
        yield f"  open in: {escaped(str(found.holder))}"
    if runs is not None:
        yield f"  runs:    {escaped(_runs(runs))}"
        if runs.mac:
            yield f"  MAC:     {escaped(runs.mac)}"


def _runs(found: Found) -> str:
    if found.kind == "lyhord":
        who = "not provisioned" if found.node in (None, "none") else f"node {found.node}"
        where = ", on the shelf" if found.shelf else ""
        return f"Lyhörd {found.app} {found.version} on {found.board}, {who}{where}"
    if found.kind == "micropython":
        return f"MicroPython {found.version or ''}".rstrip() + ", no Lyhörd"
    return found.detail or found.kind


def selftest(record: Record) -> Iterator[str]:
    """A line per step with what was measured and its limits; the remedy below each that has failed."""
    rows = []
    for step in record.steps:
        rows.append((step.name, _VERDICTS[step.verdict], step.measured(), step.limits()))
    lines = list(table(("step", "verdict", "measured", "limits"), [list(map(escaped, row)) for row in rows]))
    yield lines[0]
    for step, line in zip(record.steps, lines[1:], strict=True):
        yield line
        for text in (step.detail, step.remedy if step.verdict is StepVerdict.failed else ""):
            if text:
                yield f"    {escaped(text)}"[:WIDTH]
    yield f"self-test: {_VERDICTS[record.verdict]}"


def verdict(found: Verdict) -> Iterator[str]:
    """A line per damaged file, or one that says that there is none."""
    yield from (f"damaged: {escaped(path)}" for path in found.damaged)
    if not found.damaged:
        yield ("every file is" if found.checked is None else f"{found.checked} files, all are") + " as built"


def verdict_json(found: Verdict) -> str:
    """The same for machines."""
    return json.dumps({"checked": found.checked, "damaged": list(found.damaged)})


def sizes_json(report: ImageReport) -> str:
    """The same for machines."""
    files = [{"path": f.path, "source": f.source_bytes, "stored": f.stored_bytes} for f in report.files]
    return json.dumps(
        {
            "app": report.app,
            "board": report.board,
            "version": report.version,
            "size": report.size,
            "used": report.used,
            "stored": report.stored_bytes,
            "sha256": report.sha256,
            "files": files,
        }
    )


def as_json(found: object) -> str:
    """One line of JSON. Letters stand as they are where the reader knows them, else as escapes."""
    utf8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    return escaped(json.dumps(found, ensure_ascii=not utf8))


def decoded(found: dict[str, object]) -> Iterator[str]:
    """A decoded frame: header lines, then samples as a table, then the rest."""
    for key, item in found.items():
        if key == "samples" and isinstance(item, list):
            yield from _samples(item)
        elif isinstance(item, dict):
            yield f"{key}:"
            yield from (f"  {name}: {_text(name, value)}" for name, value in item.items())
        else:
            yield f"{key}: {_text(key, item)}"


def _samples(samples: list[dict[str, object]]) -> Iterator[str]:
    if not samples:
        return
    yield "samples:"
    rows = []
    for sample in samples:
        when = _text("time", sample["time"]) if "time" in sample else f"{sample['age']} s before sending"
        values = sample["values"]
        for value in values if isinstance(values, list) else []:
            number = "no value" if value["value"] is None else str(value["value"])
            rows.append((str(sample["seq"]), when, value["quantity"], number, value["unit"]))
    for line in table(("number", "time", "quantity", "value", "unit"), rows, frozenset({3})):
        yield f"  {line}"


def _text(key: str, item: object) -> str:
    if key == "time" and isinstance(item, int):
        return datetime.fromtimestamp(item, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(item, bool):
        return "yes" if item else "no"
    if isinstance(item, dict):
        if set(item) == {"value", "unit"}:
            return f"{item['value']} {item['unit']}"
        if "setting" in item:
            return f"{item['setting']} = {item['value']} {item['unit']}".rstrip()
        return ", ".join(f"{name} {_text(name, value)}" for name, value in item.items())
    if isinstance(item, list):
        return ", ".join(_text("", value) for value in item) or "none"
    return str(item)


def _fit(cell: str, width: int, right: bool) -> str:
    if len(cell) > width:
        cell = cell[: width - 1] + "…"
    return cell.rjust(width) if right else cell.ljust(width)
