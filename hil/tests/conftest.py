"""One bench for the whole suite: a real board behind `--port`, or a virtual one behind a pty.

Without `--port`: the node's image goes with the real `lyhord flash` onto a mock ROM loader, its file system
is read back, and a virtual board boots exactly those bytes. With `--port /dev/ttyUSB0 --micropython FILE.bin`
the same commands flash a real ESP32 (it loses what it holds); without `--micropython` it is taken as it is.
"""

import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytest_embedded import Dut

from lyhord_rig.bench.micropython_file import micropython_file
from lyhord_rig.deadline import DEADLINE_S
from lyhord_rig.tied import tied
from lyhord_tools.device.flash import read_flash
from lyhord_tools.image.build import ImageReport, build_image
from lyhord_tools.image.layout import Layout
from lyhord_tools.image.tree import find_tree
from tests.tools.rom_loader import rom_loader

BOARD = "devkit_rfm95"
LYHORD = Path(sys.executable).parent / "lyhord"
VIRTUAL_BENCH = Path(__file__).parent / "virtual_bench.py"

_FLASH_S = 600  # a real board at 115200 baud takes minutes
_RESET_PULSE_S = 0.1
_END_OF_ANSWER = re.compile(rb"(?m)^(?:> )*(ok|error: [^\r\n]*)\r?\n")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--micropython",
        metavar="FILE",
        help="MicroPython's .bin; flashes the board behind --port (wipes it).",
    )


@dataclass(frozen=True)
class Flashed:
    """The arguments of `lyhord flash`, and what the flash held afterwards."""

    said: str
    micropython: bytes
    image: bytes
    micropython_read: bytes
    vfs_read: bytes


@pytest.fixture(scope="session")
def layout() -> Layout:
    """The layout of the board's flash."""
    return find_tree().layout(BOARD)


@pytest.fixture(scope="session")
def image(tmp_path_factory: pytest.TempPathFactory) -> ImageReport:
    """The node's image."""
    return build_image("node", BOARD, tmp_path_factory.mktemp("image") / "node.img")


@pytest.fixture(scope="session")
def flashed(
    request: pytest.FixtureRequest,
    image: ImageReport,
    layout: Layout,
    tmp_path_factory: pytest.TempPathFactory,
) -> Flashed | None:
    """The board's flash after `lyhord flash`; None where a real board is taken as it is."""
    port: str | None = request.config.getoption("port")
    given: str | None = request.config.getoption("micropython")
    folder = tmp_path_factory.mktemp("flash")
    if port is not None:
        return _flash(port, Path(given), image, layout, "--boot-check") if given else None
    micropython = folder / "micropython.bin"
    micropython.write_bytes(micropython_file())
    with rom_loader(folder) as loader:
        return _flash(loader, micropython, image, layout, "--no-boot-check")


def _flash(port: str, micropython: Path, image: ImageReport, layout: Layout, boot: str) -> Flashed:
    words = [
        boot,
        "--port",
        port,
        "--micropython",
        str(micropython),
        "--image",
        str(image.path),
        "--board",
        BOARD,
    ]
    done = subprocess.run(
        tied(str(LYHORD), "flash", *words), capture_output=True, text=True, timeout=_FLASH_S, check=False
    )
    assert done.returncode == 0, done.stderr
    firmware = micropython.read_bytes()
    return Flashed(
        done.stdout,
        firmware,
        image.path.read_bytes(),
        read_flash(port, layout.micropython_offset, len(firmware)),
        read_flash(port, layout.vfs_offset, layout.vfs_size),
    )


@dataclass(frozen=True)
class Bench:
    """The bench's board. `reset` presses its reset button; None where only the serial port's RTS can."""

    port: str
    reset: Callable[[], None] | None


@pytest.fixture(scope="session")
def bench(
    request: pytest.FixtureRequest, flashed: Flashed | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    """The real board, or a virtual one that boots the bytes read back from the mock loader's flash."""
    port: str | None = request.config.getoption("port")
    if port is not None:
        yield Bench(port, None)
        return
    assert flashed is not None
    folder = tmp_path_factory.mktemp("bench")
    flash = folder / "vfs.bin"
    flash.write_bytes(flashed.vfs_read)
    with _virtual_bench(flash, folder) as process:
        yield Bench(_first_line(process), lambda: _order(process, b"reset\n"))
        assert process.poll() is None, "the virtual bench ended in the middle of the suite"


def _virtual_bench(flash: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """Ends with its standard input, at the latest with this process."""
    return subprocess.Popen(
        tied(sys.executable, str(VIRTUAL_BENCH), str(flash), str(folder / "board")),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _first_line(process: "subprocess.Popen[bytes]") -> str:
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], DEADLINE_S)
    assert ready, "the virtual bench does not start"
    line = process.stdout.readline().decode().strip()
    assert line, "the virtual bench ended at once"
    return line


def _order(process: "subprocess.Popen[bytes]", order: bytes) -> None:
    assert process.stdin is not None
    os.write(process.stdin.fileno(), order)


# pytest-embedded asks these two fixtures what the board is; here the bench knows.


@pytest.fixture
def embedded_services() -> str:
    return "serial"


@pytest.fixture
def port(bench: Bench) -> str:
    return bench.port


class Refused(Exception):
    """The node answered `error: …`."""


class Node:
    """The node's console through pytest-embedded's `dut`. `said` is all that the last command brought up."""

    def __init__(self, dut: Dut, bench: Bench) -> None:
        self._dut = dut
        self._bench = bench
        self.said = ""

    def enter(self) -> None:
        """Reset the board and press Enter while it listens."""
        if self._bench.reset is not None:
            self._bench.reset()
        else:
            line = self._dut.serial.proc
            line.dtr = False
            line.rts = True
            time.sleep(_RESET_PULSE_S)
            line.rts = False
        self._dut.expect(rb"Press Enter", timeout=DEADLINE_S)
        self.command("")

    def command(self, line: str, timeout_s: float = DEADLINE_S) -> list[str]:
        """The lines of the answer, echo and `ok` left out. Raises Refused."""
        self._dut.write(line)
        match = self._dut.expect(_END_OF_ANSWER, timeout=timeout_s)
        self.said = self._dut.pexpect_proc.before.decode(errors="replace")
        if match[1] != b"ok":
            raise Refused(match[1].decode().removeprefix("error: "))
        lines = [text.strip().removeprefix("> ") for text in self.said.splitlines()]
        return [text for text in lines if text and text not in (">", line)]

    def fields(self, line: str) -> dict[str, str]:
        """The `key: value` lines of the answer."""
        return dict(text.split(": ", 1) for text in self.command(line) if ": " in text)


@pytest.fixture
def node(dut: Dut, bench: Bench) -> Node:
    """A freshly reset node in its console."""
    node = Node(dut, bench)
    node.enter()
    return node
