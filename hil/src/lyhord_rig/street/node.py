"""One virtual node in its place: a board with its radio and sensors, its bin, and an installer's hands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from ..board.board import Board
from ..board.wiring import board_ports, flash_blocks, wire_radio
from ..radio.ether import Ether
from ..sensors.battery import Battery
from ..sensors.wiring import BIN, Sensors, Surroundings
from ..world.bin import Bin
from ..world.clock import World
from ..world.weather import Weather

_START_S = 20.0
_ANSWER_S = 30.0
_SEND_S = 120.0
_WINDOW = rb"Press Enter"
_END_OF_ANSWER = rb"(?m)^(?:> )*(ok|error: [^\r\n]*)\r?$"


class NodeRefused(Exception):
    """The node's console answered `error: …`."""


@dataclass(frozen=True, slots=True)
class Label:
    """The label of a node, as a technician would write it. The key is never shown."""

    node: int
    name: str
    key: bytes

    def __repr__(self) -> str:
        return f"Label({self.name}, {self.node:06x})"


@dataclass(frozen=True, slots=True)
class Site:
    """The place of a node, with the board that it gets. image: the file that is its flash; speed: hours
    around it per hour of the world."""

    world: World
    ether: Ether
    weather: Weather
    image: Path
    work_dir: Path
    position_m: tuple[float, float]
    pins: ModuleType
    speed: float = 1.0


class VirtualNode:
    """A node of either profile with all that is wired to it. fitted: its sensors, slot to choice as its
    console takes them."""

    def __init__(
        self, site: Site, label: Label, fitted: Mapping[str, str], surroundings: Surroundings
    ) -> None:
        world, pins, name = site.world, site.pins, label.name
        self.label = label
        self.battery = Battery(world, name=f"battery/{name}")
        ports = board_ports(pins)
        self.antenna = site.ether.attach(site.position_m, name)
        self.radio = wire_radio(world, ports, self.antenna, pins)
        self.sensors = Sensors(world, ports, pins, fitted, surroundings, name)
        divider = pins.BATTERY_DIVIDER_NUM / pins.BATTERY_DIVIDER_DEN
        if fitted.get("supply") != "mains":
            ports.adc(pins.BATTERY_ADC, lambda: self.battery.microvolts(divider))
        self.board = Board(world, name, site.image, site.work_dir, ports, flash_blocks=flash_blocks(pins))

    def settings(self) -> dict[str, object]:
        """The settings that its installer gives it, for `set`."""
        return {"name": self.label.name, **self.sensors.fitted}

    async def enter(self) -> None:
        """Reset (or first power), and Enter while the node listens for it."""
        board = self.board
        board.console.unread.clear()
        if board.state.value == "off":
            board.power_on()
        else:
            board.reset()
        await board.expect(_WINDOW, _START_S)
        await self._answered("")

    async def command(self, line: str, timeout_s: float = _ANSWER_S) -> list[str]:
        """One console command; its answer without the closing ok. Raises NodeRefused."""
        self.board.console.unread.clear()
        return await self._answered(line, timeout_s)

    async def _answered(self, line: str, timeout_s: float = _ANSWER_S) -> list[str]:
        said, end = await self._heard(line, timeout_s)
        if end != "ok":
            raise NodeRefused(f"{self.label.name}: {end}")
        return said

    async def _heard(self, line: str, timeout_s: float) -> tuple[list[str], str]:
        """The lines of the answer, and its end: `ok` or `error: …`."""
        said: list[str] = []
        self.board.console.on_line.append(said.append)
        try:
            await self.board.type(line + "\n")
            match = await self.board.expect(_END_OF_ANSWER, timeout_s)
        finally:
            self.board.console.on_line.remove(said.append)
        return said, match[1].decode(errors="replace")

    async def install(self, settings: Mapping[str, object]) -> None:
        """From the factory to work: who it is, what its installer tells it of itself, and `settings`."""
        await self.enter()
        await self.command(f"provision {self.label.node:06x} {self.label.key.hex()} 0")
        for name, value in {**self.settings(), **settings}.items():
            await self.command(f"set {name} {value}")
        await self.command("save")
        await self.leave()

    async def leave(self) -> None:
        """Out of the console: the node starts its work."""
        await self.board.type("exit\n")

    async def deliver(self, timeout_s: float = _SEND_S) -> None:
        """`send`; raises NodeRefused if samples are left then.

        timeout_s: virtual; a long backlog at SF12 takes most of an hour.
        """
        self.board.console.unread.clear()
        said, end = await self._heard("send", timeout_s)
        if not any(line.endswith("left: 0") for line in said):  # else only what is no sample may have failed
            raise NodeRefused(f"{self.label.name}: {end}")

    async def status(self) -> dict[str, str]:
        """The node's `status` as key and value."""
        pairs = (line.partition(":") for line in await self.command("status"))
        return {key.strip(): value.strip() for key, colon, value in pairs if colon}


class BinNode(VirtualNode):
    """A bin node, and the bin that it looks into."""

    def __init__(self, site: Site, label: Label, fitted: Mapping[str, str] = BIN) -> None:
        self.bin = Bin(site.world, label.name, speed=site.speed)
        around = Surroundings(self.bin.distance_mm, site.weather.temperature_dc)
        super().__init__(site, label, fitted, around)

    def settings(self) -> dict[str, object]:
        distances = {"empty_distance": self.bin.empty_mm, "full_distance": self.bin.full_mm}
        return {**super().settings(), "profile": "bin", **distances}
