"""Labels: each QR of a printed sheet is read back by another's reader, and no key is on paper."""

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pypdfium2
import pytest
import zxingcpp
from PIL import Image, ImageFilter

from lyhord_rig.deadline import DEADLINE_S
from lyhord_tools.errors import ToolError
from lyhord_tools.papers import label as labels
from lyhord_tools.papers.sheets import A4, SHEETS
from tests.tools.conftest import Ran, private

KEY = "5c" * 16
MM_PER_INCH = 25.4
NARROW = "TZe-12"
SMALL = (NARROW, "L4732")  # whose QR is the id alone
BASE = "https://karl.example.se/n"


def some(count: int) -> list[labels.Label]:
    return [
        labels.Label(0x800000 + 37 * n, "lilygo_lora32_v21", "bin", f"Åkergränd {n}", date(2026, 12, 1))
        for n in range(count)
    ]


def pictures(pdf: Path, dpi: int) -> list[Image.Image]:
    document = pypdfium2.PdfDocument(pdf)
    return [page.render(scale=dpi / 72).to_pil() for page in document]


def said(one: labels.Label, name: str, base: str | None = None) -> str:
    """The words in its QR."""
    return f"LYHORD:N/{one.node:06X}" if name in SMALL and base is None else one.text(base)


@pytest.mark.parametrize(
    ("name", "base"),
    [(name, None) for name in SHEETS] + [(name, BASE) for name in SHEETS if name != NARROW],
)
def test_every_label_of_a_sheet_is_read_back_where_it_lies(
    name: str, base: str | None, tmp_path: Path
) -> None:
    sheet = SHEETS[name]
    printed = some(sheet.count + 1)
    told: list[tuple[int, int]] = []
    assert (
        labels.render(printed, sheet, tmp_path / "sheet.pdf", base=base, done=lambda *one: told.append(one))
        == 2
    )
    assert told == [(number + 1, len(printed)) for number in range(len(printed))]
    first, second = pictures(tmp_path / "sheet.pdf", 200)
    assert first.size == tuple(pytest.approx(side / MM_PER_INCH * 200, abs=2) for side in sheet.size)
    found = {code.text: code for code in zxingcpp.read_barcodes(first)}
    assert set(found) == {said(one, name, base) for one in printed[:-1]}
    for place, one in enumerate(printed[:-1]):
        left, top = (mm / MM_PER_INCH * 200 for mm in sheet.corner(place))
        at = found[said(one, name, base)].position
        corners = (at.top_left, at.top_right, at.bottom_left, at.bottom_right)
        assert all(left <= corner.x <= left + sheet.width / MM_PER_INCH * 200 for corner in corners)
        assert all(top <= corner.y <= top + sheet.height / MM_PER_INCH * 200 for corner in corners)
        assert labels.parse(said(one, name, base)).node == one.node
    assert [code.text for code in zxingcpp.read_barcodes(second)] == [said(printed[-1], name, base)]


@pytest.mark.parametrize("name", SHEETS)
def test_every_label_is_read_though_it_is_coarse_blurred_and_a_corner_is_torn_off(
    name: str, tmp_path: Path
) -> None:
    sheet, dots = SHEETS[name], 150 / MM_PER_INCH
    printed = some(sheet.count)
    labels.render(printed, sheet, tmp_path / "all.pdf")
    (page,) = pictures(tmp_path / "all.pdf", 150)
    blurred = page.convert("L").filter(ImageFilter.GaussianBlur(0.8))
    for place, one in enumerate(printed):
        left, top = sheet.corner(place)
        at = (left, top, left + sheet.width, top + sheet.height)
        grey = blurred.crop(tuple(round(mm * dots) for mm in at))
        code = zxingcpp.read_barcodes(grey)[0].position
        side = code.bottom_right.x - code.top_left.x
        torn = (code.bottom_right.x - side // 6, code.bottom_right.y - side // 6)
        grey.paste(255, (*torn, code.bottom_right.x + 9, code.bottom_right.y + 9))
        assert [found.text for found in zxingcpp.read_barcodes(grey)] == [said(one, name)], place


@pytest.mark.parametrize("name", SHEETS)
def test_in_the_dots_of_its_printer_every_module_is_of_one_size(name: str, tmp_path: Path) -> None:
    sheet = SHEETS[name]
    labels.render(some(1), sheet, tmp_path / "one.png", skip=sheet.count - 1)
    page = Image.open(tmp_path / "one.png").convert("L")
    assert page.info["dpi"] == pytest.approx((sheet.dpi, sheet.dpi), abs=0.1)
    if name == NARROW:
        return  # whole dots would be less than a camera needs
    corners = zxingcpp.read_barcodes(page)[0].position
    rows = page.crop((corners.top_left.x - 1, corners.top_left.y, corners.top_right.x + 3, page.height))
    line = rows.crop((0, 1, rows.width, 2)).point(lambda grey: 255 * (grey < 128)).tobytes()
    runs = [
        len(run)
        for run in line.strip(b"\0").replace(b"\xff\0", b"\xff \0").replace(b"\0\xff", b"\0 \xff").split()
    ]
    dots = min(runs)
    assert runs[0] == 7 * dots and all(run % dots == 0 for run in runs), runs
    assert dots * MM_PER_INCH / sheet.dpi >= labels.MODULE_EASY_MM


def test_the_narrowest_tape_refuses_what_would_be_too_fine(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match=r"of 0\.32 mm on TZe-12, .* take larger labels, or a"):
        labels.render(some(1), SHEETS[NARROW], tmp_path / "x.pdf", base=BASE)
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", SHEETS)
def test_nothing_is_printed_where_the_printer_does_not_reach_and_nothing_around_the_qr(
    name: str, tmp_path: Path
) -> None:
    sheet, dpi = SHEETS[name], 300
    long = labels.Label(0x8A3F00, "lilygo_lora32_v21", "building", "W" * 24, date(2026, 12, 1))
    labels.render([long], sheet, tmp_path / "one.pdf")
    (page,) = pictures(tmp_path / "one.pdf", dpi)
    dots = dpi / MM_PER_INCH
    left, top = sheet.corner(0)
    at = [left, top, left + sheet.width, top + sheet.height]
    whole = page.convert("L").crop(tuple(round(mm * dots) for mm in at))
    ink = whole.point(lambda grey: 255 * (grey < 128)).getbbox()
    assert ink is not None
    wide, high = sheet.edge
    assert ink[0] >= wide * dots - 2 and ink[1] >= high * dots - 2
    assert ink[2] <= whole.width - wide * dots + 2 and ink[3] <= whole.height - high * dots + 2
    code = zxingcpp.read_barcodes(whole)[0]
    corners = code.position
    modules = 21 if name in SMALL else 29
    module = (corners.top_right.x - corners.top_left.x) / modules
    assert module / dots >= labels.MODULE_MIN_MM - 0.02
    quiet = int(labels.QUIET * module) - 1
    right = corners.top_right.x + 2
    beside = whole.crop((right, corners.top_right.y, right + quiet - 2, corners.bottom_right.y))
    assert min(beside.tobytes()) == 255, "the quiet zone is not quiet"


def test_a_label_without_a_board_is_read_back() -> None:
    for one in (labels.Label(0x11), labels.Label(0x11, "devkit_rfm95"), labels.Label(0x11, "", "bin")):
        found = labels.parse(one.text())
        assert (found.node, found.board) == (one.node, one.board)


def test_labels_of_some_nodes(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    lines = [
        {"id": "000011", "board": "devkit_rfm95", "profile": "bin", "created": "2026-11-30T23:59:59Z"},
        {"id": "000012", "board": "devkit_rfm95", "profile": "building", "created": "2026-12-01T00:00:00Z"},
        {"id": "000013", "board": "lilygo_t3s3", "profile": "bin", "created": "2026-12-01T08:00:00Z"},
    ]
    fleet = private(tmp_path / "nodes.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    for words, nodes in (
        (("--board", "devkit_rfm95"), {0x11, 0x12}),
        (("--profile", "bin"), {0x11, 0x13}),
        (("--since", "2026-12-01"), {0x12, 0x13}),
        (("11", "13", "--since", "2026-12-01"), {0x13}),
    ):
        ran = lyhord("label", "print", tmp_path / "some.png", *words, "--fleet", fleet)
        assert ran.code == 0, ran.err
        read = zxingcpp.read_barcodes(Image.open(tmp_path / "some.png"))
        assert {labels.parse(code.text).node for code in read} == nodes
    words = ("--board", "x", "--fleet", fleet)
    assert "none of 3 nodes" in lyhord("label", "print", tmp_path / "none.pdf", *words).refused()
    assert not (tmp_path / "none.pdf").exists()


def test_the_sheets_are_listed(lyhord: Callable[..., Ran]) -> None:
    lines = lyhord("label", "sheets").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(SHEETS)
    assert lines[1].split() == ["L7651", "38.1", "x", "21.2", "65"]


def test_labels_come_from_the_fleet_file_without_a_key(lyhord: Callable[..., Ran], tmp_path: Path) -> None:
    lines = [
        {
            "id": f"{node:06x}",
            "key": KEY[:-2] + f"{node:02x}",
            "name": "Södra ♥ torget",
            "board": "devkit_rfm95",
        }
        for node in (0x11, 0x12, 0x13)
    ]
    fleet = private(tmp_path / "nodes.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    for name in ("all.pdf", "all.png"):
        ran = lyhord("label", "print", tmp_path / name, "--fleet", fleet, "--skip", "3", "--copies", "2")
        assert ran.code == 0 and "6 labels on 1 page of L7651" in ran.out, ran.err
        data = (tmp_path / name).read_bytes()
        assert KEY[:-2].encode() not in data and bytes.fromhex(KEY[:-2]) not in data
    read = zxingcpp.read_barcodes(Image.open(tmp_path / "all.png"))
    assert sorted(code.text for code in read) == sorted(
        f"LYHORD:N/{node:06X}/DEVKIT-RFM95/BIN" for node in (0x11, 0x12, 0x13) for _ in range(2)
    )
    text = pypdfium2.PdfDocument(tmp_path / "all.pdf")[0].get_textpage().get_text_bounded()
    assert "000 011" in text and "Södra ? torget" in text
    assert (
        "has no node 000099" in lyhord("label", "print", tmp_path / "x.pdf", "99", "--fleet", fleet).refused()
    )
    ran = lyhord("label", "read", "lyhord:n/000a01/devkit-rfm95/bin", "--json")
    assert json.loads(ran.out) == {"id": "000a01", "board": "devkit_rfm95", "profile": "bin"}


def test_a_scanned_label_is_an_id_wherever_one_is_asked_for(
    lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    lines = [
        {"id": f"{node:06x}", "name": f"bin {node}", "board": "devkit_rfm95"} for node in (0x11, 0x8A3F00)
    ]
    fleet = private(tmp_path / "nodes.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    assert lyhord("label", "print", tmp_path / "x.png", "8a3f00", "--fleet", fleet).code == 0
    (code,) = zxingcpp.read_barcodes(Image.open(tmp_path / "x.png"))
    for scanned in (code.text, code.text.lower(), "LYHORD:N/8A3F00", "https://karl.example.se/n/8a3f00"):
        assert "name: bin 9060096" in lyhord("fleet", "show", scanned, "--fleet", fleet).out
        assert lyhord("label", "print", tmp_path / "y.pdf", scanned, "--fleet", fleet).code == 0
    for other in ("lyhord:n/11", "https://karl.example.se/n/", "LYHORD:N/000000"):
        assert "label" in lyhord("fleet", "show", other, "--fleet", fleet).refused()


def test_a_command_that_prints_nothing_does_not_load_what_prints() -> None:
    script = "import sys, lyhord_tools.cli; sys.exit({'fpdf', 'pypdfium2'} & {*sys.modules} and 1 or 0)"
    assert subprocess.run([sys.executable, "-c", script], timeout=DEADLINE_S, check=False).returncode == 0


@pytest.mark.parametrize(
    "text",
    ["", "LYHORD:N/000000/X/BIN", "LYHORD:N/00A01/X/BIN", "https://x.se/n/00a0", "WIFI:S:x;;", "\x1b[2J"],
)
def test_another_code_is_one_line(text: str, lyhord: Callable[..., Ran]) -> None:
    assert "label" in lyhord("label", "read", text).refused()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("x.docx",), "ends in .pdf or .png"),
        (("x.pdf", "--sheet", "A5"), "expected one of L7651"),
        (("x.pdf", "--skip", "65"), "--skip: expected 0 to 64 on L7651"),
        (("x.png", "--copies", "20", "--sheet", "50x25"), "do not go into one PNG"),
        (("x.pdf", "--base-url", "ftp://x"), "--base-url: expected https"),
        (("x.pdf", "--base-url", "https://" + "x" * 140, "--sheet", "L7651"), "take larger labels"),
        (("none/x.pdf",), "cannot write"),
    ],
)
def test_what_cannot_be_printed_is_one_line(
    words: tuple[str, ...], says: str, lyhord: Callable[..., Ran], tmp_path: Path
) -> None:
    fleet = private(tmp_path / "nodes.jsonl", json.dumps({"id": "000011", "key": KEY}) + "\n")
    assert says in lyhord("label", "print", tmp_path / words[0], *words[1:], "--fleet", fleet).refused()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["nodes.jsonl"]


def test_the_labels_lie_on_the_page() -> None:
    for sheet in SHEETS.values():
        for place in (0, sheet.count - 1):
            left, top = sheet.corner(place)
            assert 0 <= left <= sheet.size[0] - sheet.width and 0 <= top <= sheet.size[1] - sheet.height
    assert all(sheet.source for sheet in SHEETS.values())
    assert SHEETS["L4732"].corner(0)[0] == pytest.approx(11) and SHEETS["L7654"].count == 40
    # The margins as the maker gives them for its sheets on A4.
    assert SHEETS["L7651"].corner(0) == pytest.approx((4.75, 10.7)) and SHEETS["L7651"].size == A4
    with pytest.raises(ToolError, match="no label"):
        labels.render([], SHEETS["L7651"], Path("x.pdf"))
