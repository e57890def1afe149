"""A board out of the box as a process: its chip's loader, its flash, and what the flash holds when it starts.

    python -m lyhord_rig.bench.whole_board FOLDER NAME [--chip esp32] [--board devkit_rfm95] [--no-ranger] …

FOLDER/port is a link to its serial port. Each opening of the port resets the board, as most USB bridges do;
one that begins as esptool does finds the loader, any other the console. The flash lies in FOLDER and outlives
the process, which is the plug: killed, the board is without power. `reset` on standard input is its button.

What is real: esptool's protocol, the file system's bytes, the firmware. What is not: MicroPython's own part
of the flash is kept and never run.
"""

import argparse
import asyncio
import contextlib
import errno
import importlib
import os
import select
import socket
import sys
import threading
import time
import tty
from pathlib import Path

from esp32_mock_bootloader import server

from lyhord_tools.image.tree import find_tree

from ..radio.ether import Ether
from ..sensors.wiring import BIN
from ..street.node import BinNode, Label, Site
from ..wifi.station import AccessPoint
from ..world.clock import World
from ..world.weather import Weather

server._CLIENT_RECV_TIMEOUT = 3.0
server._FLASH_END_IDLE_SEC = float("inf")
_SLIP = b"\xc0"
_NVS = (0x9000, 0x6000)
_IDLE_S = 0.005
_BOOT_NOISE = b"ets Jul 29 2019 12:21:46\r\nrst:0x1 (POWERON_RESET)\r\ninvalid header: 0xffffffff\r\n"


class Written(server.FlashImage):  # type: ignore[misc]
    """The mock's flash; the file says that something is being written."""

    def __init__(self, mark: Path) -> None:
        super().__init__()
        self._mark = mark
        mark.unlink(missing_ok=True)

    def write_defl_block(self, payload: bytes) -> None:
        """As the mock does, but not byte by byte: eight boards share a test's machine."""
        self._mark.touch()
        size = int.from_bytes(payload[:4], "little")
        if self._decompressor is None:
            return
        data = self._decompressor.decompress(payload[16 : 16 + size])
        self.data[self._defl_offset : self._defl_offset + len(data)] = data
        self._defl_offset += len(data)


class Flash:
    """The chip's flash: what esptool wrote, with the node's file system and NVS as they are now."""

    def __init__(self, folder: Path, board: str) -> None:
        self.layout = find_tree().layout(board)
        self.chip = folder / "chip.bin"
        self.vfs = folder / "vfs.bin"
        self.nvs = folder / "board" / "nvs.json"
        self.mock = Written(folder / "writing")
        if self.chip.exists():
            self.mock.data[:] = self.chip.read_bytes()

    @property
    def holds_something(self) -> bool:
        return self.vfs.exists()

    def shown(self) -> None:
        """Brings the board's own writes into the chip."""
        if self.vfs.exists():
            at = self.layout.vfs_offset
            self.mock.data[at : at + self.layout.vfs_size] = self.vfs.read_bytes()
        at, size = _NVS
        kept = self.nvs.read_bytes() if self.nvs.exists() else b""
        self.mock.data[at : at + size] = kept[:size].ljust(size, b"\xff")

    def taken(self) -> None:
        """Has the board start from the chip as esptool has left it."""
        self.chip.write_bytes(self.mock.data)
        at = self.layout.vfs_offset
        vfs = bytes(self.mock.data[at : at + self.layout.vfs_size])
        if vfs.strip(b"\xff"):
            self.vfs.write_bytes(vfs)
        else:
            self.vfs.unlink(missing_ok=True)
        at, size = _NVS
        if not bytes(self.mock.data[at : at + size]).strip(b"\xff"):
            self.nvs.unlink(missing_ok=True)


class Line:
    """The board's end of the serial port. A thread waits for each opening and serves it until its end."""

    def __init__(self, path: Path, flash: Flash, chip: str, node: "Node") -> None:
        self._master, slave = os.openpty()
        tty.setraw(slave)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(slave))
        os.close(slave)
        self._flash = flash
        self._chip = chip
        self._node = node
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        first: bytes | None = None
        while True:
            if first is None:
                first = self._read()
            if first is None:
                time.sleep(_IDLE_S)  # nobody has it open; a pty says no more
            elif first.startswith(_SLIP):
                first = self._load(first)
            else:
                first = self._talk(first)

    def _read(self) -> bytes | None:
        """Bytes, as soon as some came; None where nobody has the port open."""
        try:
            return os.read(self._master, 4096) or None
        except OSError as fault:
            if fault.errno != errno.EIO:
                raise
            return None

    def _load(self, first: bytes) -> bytes | None:
        self._node.stop()
        self._flash.shown()
        ours, theirs = socket.socketpair()
        stop = threading.Event()
        served = threading.Thread(
            target=server.handle_client,
            args=(server.BootloaderConnection(sock=theirs), stop, self._chip),
            kwargs={"flash": self._flash.mock},
            daemon=True,
        )
        served.start()
        then = self._carry(ours.fileno(), first, loads=True)
        stop.set()
        ours.close()
        served.join(10)
        self._flash.taken()
        return then

    def _talk(self, first: bytes) -> bytes | None:
        if not self._flash.holds_something:
            with contextlib.suppress(OSError):
                os.write(self._master, _BOOT_NOISE)
            while (then := self._read()) is not None:
                if then.startswith(_SLIP):
                    return then
            return None
        path = self._node.start()
        console = os.open(path, os.O_RDWR | os.O_NOCTTY)
        tty.setraw(console)  # a pty that nobody has open forgets that it was
        try:
            return self._carry(console, first, loads=False)
        finally:
            os.close(console)

    def _carry(self, other: int, first: bytes, loads: bool) -> bytes | None:
        """Both ways, until the port is closed, or was opened again so soon that nobody saw it: then what came
        first. Between two frames esptool says nothing else."""
        os.write(other, first)
        ends = first.count(_SLIP)
        while True:
            ready, _, _ = select.select([self._master, other], [], [])
            if self._master in ready:
                data = self._read()
                if data is None or (not ends & 1 and data.startswith(_SLIP) is not loads):
                    return data
                ends += data.count(_SLIP)
                os.write(other, data)
            if other in ready:
                data = os.read(other, 65536)
                if not data:
                    return None
                with contextlib.suppress(OSError):
                    os.write(self._master, data)


class NoChip:
    """An empty place on the SPI bus: nobody drives MISO."""

    def select(self) -> None:
        """Nobody hears it."""

    def deselect(self) -> None:
        """Nobody hears that either."""

    def transfer(self, data: bytes) -> bytes:
        """Ones, by a pull-up."""
        return b"\xff" * len(data)


class Node:
    """The firmware, running from the flash; started anew at each reset. Its world has a thread of its own."""

    def __init__(
        self, folder: Path, name: str, board: str, flash: Flash, dead: set[str], wifi: int | None
    ) -> None:
        self._wifi = wifi
        self._folder = folder
        self._name = name
        self._pins = importlib.import_module(f"lyhord_firmware.boards.{board}")
        self._flash = flash
        self._dead = dead
        self._loop = asyncio.new_event_loop()
        self._node: BinNode | None = None
        self._world: World | None = None
        self._ended: asyncio.Future[None] | None = None
        threading.Thread(target=self._loop.run_forever, daemon=True).start()

    def start(self) -> str:
        """The path of its console after a reset."""
        return asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(60)

    def stop(self) -> None:
        """No power."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(60)

    async def _start(self) -> str:
        if self._node is not None:
            self._node.board.reset()
            return self._node.board.serial_path
        ready: asyncio.Future[str] = self._loop.create_future()
        self._ended = asyncio.ensure_future(self._run(ready))
        await asyncio.wait((ready, self._ended), return_when=asyncio.FIRST_COMPLETED)
        return ready.result() if ready.done() else ""

    async def _run(self, ready: "asyncio.Future[str]") -> None:
        async with World(seed=1) as world:
            if self._wifi is not None:
                AccessPoint(world, "BENCH", "bench-password", {"broker.lan": ("127.0.0.1", self._wifi)})
            site = Site(
                world,
                Ether(world),
                Weather(world),
                self._flash.vfs,
                self._folder / "board",
                (0.0, 0.0),
                self._pins,
            )
            fitted = {slot: choice for slot, choice in BIN.items() if slot not in self._dead}
            node = BinNode(site, Label(1, self._name, b""), fitted)
            if "radio" in self._dead:
                node.board.ports.spi(self._pins.SPI_BUS, self._pins.RADIO_NSS, NoChip())
            self._node, self._world = node, world
            node.board.power_on()
            ready.set_result(node.board.serial_path)
            await world.run()
        self._node = self._world = None

    async def _stop(self) -> None:
        if self._world is not None and self._node is not None and self._ended is not None:
            self._node.board.power_off()
            self._world.stop()
            await self._ended
            self._node = None


def main() -> None:
    """The board, until its standard input ends."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("name")
    parser.add_argument("--chip", default="esp32")
    parser.add_argument("--board", default="devkit_rfm95")
    for part in (*BIN, "radio"):
        parser.add_argument(f"--no-{part}", action="store_true")
    parser.add_argument("--wifi", type=int, metavar="PORT", help="WiFi BENCH; broker.lan is this port here")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    flash = Flash(options.folder, options.board)
    dead = {part for part in (*BIN, "radio") if getattr(options, f"no_{part}")}
    node = Node(options.folder, options.name, options.board, flash, dead, options.wifi)
    Line(options.folder / "port", flash, options.chip, node)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        if line.strip() == "reset":
            node.start()


if __name__ == "__main__":
    main()
