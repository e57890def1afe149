"""A board is ready when what was flashed answers from it; every other end says what to do."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lyhord_rig.bench.box import WholeBoard
from lyhord_rig.bench.micropython_file import micropython_file
from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied
from lyhord_tools.device import boot
from lyhord_tools.errors import ToolError
from lyhord_tools.image.build import ImageReport, build_image
from lyhord_tools.image.filesystem import ImageIdentity, identity
from lyhord_tools.image.tree import Tree
from tests.tools.conftest import BOARD, Ran
from tests.tools.peer import Peer


@pytest.fixture
def firmware(tmp_path: Path) -> Path:
    path = tmp_path / "micropython.bin"
    path.write_bytes(micropython_file())
    return path


def test_a_flashed_board_answers_and_says_which_one_it_is(
    lyhord: Callable[..., Ran], image: ImageReport, firmware: Path, tmp_path: Path
) -> None:
    with WholeBoard(tmp_path, "one") as board:
        ran = lyhord("flash", "--port", board.port, "--micropython", firmware, "--image", image.path)
        assert ran.code == 0, ran.err
        assert f"is ready: node {image.version} on {BOARD} answers" in ran.out and "MAC: 246f28" in ran.out


@pytest.mark.parametrize(
    ("flashed", "says"),
    [
        (
            ImageIdentity("node", "lilygo_t3s3", "1.0.0"),
            "board devkit_rfm95 answers, lilygo_t3s3 was flashed",
        ),
        (ImageIdentity("node", "devkit_rfm95", "1.0.1"), "version 1.0.0 answers, 1.0.1 was flashed"),
    ],
)
def test_another_firmware_than_was_flashed_is_not_ready(flashed: ImageIdentity, says: str) -> None:
    with Peer() as peer, pytest.raises(ToolError, match=says):
        boot.check(peer.path, flashed, 10)


def test_a_board_that_does_not_start_is_not_ready() -> None:
    with (
        Peer(silent=True) as peer,
        pytest.raises(ToolError, match=r"the board does not start .* RESET"),
    ):
        boot.check(peer.path, ImageIdentity("node", BOARD, "1.0.0"), 1)


@pytest.mark.parametrize("board", ["devkit_rfm95", "heltec_lora32_v3", "lilygo_lora32_v21", "lilygo_t3s3"])
@pytest.mark.parametrize("app", ["node", "bridge"])
def test_an_image_says_what_it_is(app: str, board: str, tree: Tree, tmp_path: Path) -> None:
    report = build_image(app, board, tmp_path / "image")  # type: ignore[arg-type]
    told = identity((tmp_path / "image").read_bytes(), tree.boards())
    assert told == ImageIdentity(app, board, report.version)


def test_another_boards_image_is_refused_before_the_board_is_touched(
    lyhord: Callable[..., Ran], firmware: Path, tmp_path: Path
) -> None:
    build_image("node", "lilygo_lora32_v21", tmp_path / "other")
    words = ("flash", "--port", "/dev/none", "--micropython", firmware, "--image", tmp_path / "other")
    assert f"is for lilygo_lora32_v21, not for {BOARD}; expected --board" in lyhord(*words).refused()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda data: data[:100_000], "ends in its program: it is cut off, fetch it again"),
        (lambda data: data[:28_000], "no partition table"),
        (lambda data: data[:0xF000], "ends before its program: it is cut off"),
        (lambda data: data[:-40] + bytes(40), "damaged: its checksum does not hold"),
        (lambda data: data[:100_000] + b"?" + data[100_001:], "damaged: its checksum does not hold"),
        (lambda data: b"PK" + data, "none for an ESP32; expected the .bin for ESP32_GENERIC"),
        (lambda data: b"", "none for an ESP32"),
        (lambda data: micropython_file(chip="esp32s3"), "is for an esp32s3, board devkit_rfm95 has an esp32"),
        (lambda data: micropython_file(banner=b"ESP-IDF v5"), "names no version of MicroPython"),
    ],
)
def test_a_file_that_is_no_whole_micropython_for_this_chip_is_refused(
    spoil: Callable[[bytes], bytes], says: str, lyhord: Callable[..., Ran], image: ImageReport, tmp_path: Path
) -> None:
    firmware = tmp_path / "micropython.bin"
    firmware.write_bytes(spoil(micropython_file()))
    words = ("flash", "--port", "/dev/none", "--micropython", firmware, "--image", image.path)
    assert says in lyhord(*words).refused()


def test_a_cut_off_image_is_refused(
    lyhord: Callable[..., Ran], image: ImageReport, firmware: Path, tmp_path: Path
) -> None:
    (tmp_path / "half").write_bytes(image.path.read_bytes()[: 4096 * 100])
    words = ("flash", "--port", "/dev/none", "--micropython", firmware, "--image", tmp_path / "half")
    assert "it is cut off, or for another board" in lyhord(*words).refused()


def test_a_cable_pulled_half_way_leaves_a_board_that_must_be_flashed_again_and_can_be(
    lyhord: Callable[..., Ran], firmware: Path, tmp_path: Path
) -> None:
    with WholeBoard(tmp_path, "one") as board:
        words = ["flash", "--port", board.port, "--micropython", str(firmware)]
        lyhord_program = str(Path(sys.executable).parent / "lyhord")
        process = subprocess.Popen(
            tied(lyhord_program, *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        board.await_writes()
        board.pull()
        _, said = process.communicate(timeout=DEADLINE_S)
        assert process.returncode == 2
        assert f"lyhord: {board.port}: the board is half written: flash it again" in said
        assert said.count("\n") == 1
        board.plug()
        assert lyhord(*words).code == 0


def test_a_board_whose_loader_does_not_answer_is_told_how_to_bring_it_there(
    lyhord: Callable[..., Ran], firmware: Path, silent_port: str
) -> None:
    said = lyhord("flash", "--port", silent_port, "--micropython", firmware).refused()
    assert "the chip's loader does not answer: hold BOOT, press RESET" in said
