"""Flashing a ROM loader with real esptool: what was written reads back, and every fault is one line."""

from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_rig.bench.micropython_file import ESP32_ROWS, micropython_file
from lyhord_tools.device import flash
from lyhord_tools.errors import ToolError
from lyhord_tools.image import partitions
from lyhord_tools.image.build import ImageReport
from lyhord_tools.image.micropython import version_of
from lyhord_tools.image.tree import Tree
from tests.tools.conftest import BOARD, Ran
from tests.tools.rom_loader import rom_loader, rom_loader_behind_tcp


def test_what_was_flashed_reads_back_equal(
    lyhord: Callable[..., Ran], esp32: str, image: ImageReport, tree: Tree, tmp_path: Path
) -> None:
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(micropython_file())
    ran = lyhord(
        "flash", "--no-boot-check", "--port", esp32, "--micropython", firmware, "--image", image.path
    )
    assert ran.code == 0, ran.err
    assert "200000 bytes at 0x1000, verified" in ran.out
    assert "2097152 bytes at 0x200000, verified" in ran.out
    layout = tree.layout(BOARD)
    assert flash.read_flash(esp32, layout.vfs_offset, layout.vfs_size) == image.path.read_bytes()
    assert flash.read_flash(esp32, layout.micropython_offset, 200_000) == firmware.read_bytes()


def test_a_url_works_as_a_port_and_progress_is_told(image: ImageReport, tree: Tree) -> None:
    steps: list[tuple[int, int]] = []
    with rom_loader_behind_tcp() as url:
        report = flash.flash(
            url,
            micropython_file(),
            image.path.read_bytes(),
            tree.layout(BOARD),
            progress=lambda done, total: steps.append((done, total)),
        )
    assert report.chip == "esp32"
    assert report.flash_size == 4 * 1024 * 1024
    assert all(0 <= done <= total for done, total in steps)
    assert any(done == total for done, total in steps)


def test_another_chip_than_the_boards_is_refused(
    lyhord: Callable[..., Ran], image: ImageReport, tmp_path: Path
) -> None:
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(micropython_file())
    words = ("flash", "--no-boot-check", "--micropython", firmware, "--image", image.path, "--port")
    with rom_loader(tmp_path, "esp32s3") as port:
        assert "has an esp32, but an esp32s3 answers" in lyhord(*words, port).refused()
        assert "ESP32-S3" in lyhord(*words, port, "--chip", "esp32").refused()
        assert "has an esp32, not an esp32s3" in lyhord(*words, port, "--chip", "esp32s3").refused()


@pytest.mark.parametrize(
    "banner",
    [
        b"MicroPython v1.16 on 2021-06-23; ESP32 module",
        b"3.4.0; MicroPython v1.27.0 on 2025-12-01\0",
        b"MicroPython v1.9.4-8-ga9a3caad0 on 2018",
        b"MicroPython v0.99.0 on",
    ],
)
def test_a_micropython_that_is_too_old_is_refused_before_the_board_is_touched(
    banner: bytes, lyhord: Callable[..., Ran], image: ImageReport, tmp_path: Path
) -> None:
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(micropython_file(banner=banner))
    words = (
        "flash",
        "--no-boot-check",
        "--micropython",
        firmware,
        "--image",
        image.path,
        "--port",
        "/dev/no-such-port",
    )
    assert "expected 1.28 or newer" in lyhord(*words).refused()


@pytest.mark.parametrize(
    ("banner", "version"),
    [
        (b"MicroPython v1.28.0 on 2026-03-01", (1, 28)),
        (b"MicroPython v1.29.0-preview.7.gabc on 2026-09-01", (1, 29)),
        (b"MicroPython v2.0.0 on", (2, 0)),
    ],
)
def test_the_version_is_read_in_the_file(
    banner: bytes, version: tuple[int, int], image: ImageReport, tree: Tree
) -> None:
    data = micropython_file(banner=banner)
    assert version_of(data) == version
    flash.plan(data, image.path.read_bytes(), tree.layout(BOARD))


@pytest.mark.parametrize("port", ["/dev/no-such-port", "socket://127.0.0.1:1", "nonsense://x"])
def test_a_port_that_is_not_there_is_one_line(
    port: str, lyhord: Callable[..., Ran], image: ImageReport, tmp_path: Path
) -> None:
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(micropython_file())
    words = ("flash", "--no-boot-check", "--micropython", firmware, "--image", image.path, "--port", port)
    assert port in lyhord(*words).refused()


def test_a_board_that_does_not_answer_is_one_line(
    lyhord: Callable[..., Ran], image: ImageReport, tmp_path: Path, silent_port: str
) -> None:
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(micropython_file())
    words = (
        "flash",
        "--no-boot-check",
        "--micropython",
        firmware,
        "--image",
        image.path,
        "--port",
        silent_port,
    )
    assert silent_port in lyhord(*words).refused()


def test_missing_files_are_one_line(lyhord: Callable[..., Ran], image: ImageReport, tmp_path: Path) -> None:
    words = ("flash", "--port", "x", "--micropython", tmp_path / "none.bin", "--image", image.path)
    assert "none.bin: No such file" in lyhord(*words).refused()


def test_a_layout_that_does_not_fit_the_micropython_is_refused(image: ImageReport, tree: Tree) -> None:
    layout, data = tree.layout(BOARD), image.path.read_bytes()
    moved = micropython_file((*ESP32_ROWS[:3], ("vfs", 0x220000, 0x1E0000)))
    with pytest.raises(ToolError, match="keeps its files at 0x220000"):
        flash.plan(moved, data, layout)
    with pytest.raises(ToolError, match="no partition table"):
        flash.plan(micropython_file(offset=0), data, layout)
    with pytest.raises(ToolError, match="the image has 4096 bytes"):
        flash.plan(micropython_file(), data[:4096], layout)
    with pytest.raises(ToolError, match="runs into the file system"):
        flash.plan(micropython_file(size=0x200000), data, layout)


def test_a_micropython_without_a_vfs_entry_uses_the_rest_of_the_flash(image: ImageReport, tree: Tree) -> None:
    parts = flash.plan(micropython_file(ESP32_ROWS[:3]), image.path.read_bytes(), tree.layout(BOARD))
    assert [part.offset for part in parts] == [0x1000, 0x200000]
    with pytest.raises(ToolError, match=r"keeps its files at 0x200000 \(6291456 bytes\)"):
        flash.plan(
            micropython_file(ESP32_ROWS[:3]), image.path.read_bytes(), tree.layout(BOARD), 8 * 1024 * 1024
        )
    rest = partitions.file_system([partitions.Partition("factory", 0x10000, 0x210000)], 0x400000)
    assert (rest.offset, rest.size) == (0x220000, 0x1E0000)
