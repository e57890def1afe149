"""One virtual node in its place: a board with its radio and sensors, its bin, and an installer's hands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from .battery import Battery
from .bin import Bin
from .board import Board
from .ds18b20 import Ds18b20, OneWireBus, rom_code
from .ether import Ether
from .hcsr04 import HcSr04
from .solder import board_ports, flash_blocks, solder_radio
from .weather import Weather
from .world import World

_START_S = 20.0
_ANSWER_S = 30.0
_SEND_S = 120.0
_WINDOW = rb"Press Enter"
_END_OF_ANSWER = rb"(?m)^(?:> )*(ok|error: [^\r\n]*)\r?$"


class NodeRefused(Exception):
    """The node's console answered `error: …`."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who a node is: what a technician would write on its label. The key is never shown."""

    node: int
    name: str
    key: bytes

    def __repr__(self) -> str:
        return f"Person({self.name}, {self.node:06x})"


class Resident:
    """A bin node, all that is soldered to it, and the bin that it looks into. pins: the board's."""

    def __init__(
        self,
        world: World,
        ether: Ether,
        weather: Weather,
        person: Person,
        image: Path,
        work_dir: Path,
        position_m: tuple[float, float],
        speed: float,
        pins: ModuleType,
    ) -> None:
        name = person.name
        self.person = person
        self._pins = pins
        self.bin = Bin(world, name, speed=speed)
        self.battery = Battery(world, name=f"battery/{name}")
        ports = board_ports(pins)
        self.antenna = ether.attach(position_m, name)
        self.radio = solder_radio(world, ports, self.antenna, pins)
        self.ultrasonic = HcSr04(world, self.bin.distance_mm, weather.temperature_dc, f"hcsr04/{name}")
        ports.output(pins.ULTRASONIC_TRIGGER, self.ultrasonic.trigger)
        ports.input(pins.ULTRASONIC_ECHO, self.ultrasonic.level)
        ports.pulse(pins.ULTRASONIC_ECHO, self.ultrasonic.pulse)
        self.thermometer = Ds18b20(world, rom_code(person.node), weather.temperature_dc)
        ports.output(pins.SENSOR_POWER, self._sensor_power, floating=1 - pins.SENSOR_POWER_ON)
        ports.one_wire(pins.ONE_WIRE, OneWireBus([self.thermometer]))
        divider = pins.BATTERY_DIVIDER_NUM / pins.BATTERY_DIVIDER_DEN
        ports.adc(pins.BATTERY_ADC, lambda: self.battery.microvolts(divider))
        self.board = Board(world, name, image, work_dir, ports, flash_blocks=flash_blocks(pins))

    def _sensor_power(self, level: int) -> None:
        on = level == self._pins.SENSOR_POWER_ON
        self.ultrasonic.power(on)
        self.thermometer.power(on)

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
        before = len(self.board.console.lines)
        await self.board.type(line + "\n")
        match = await self.board.expect(_END_OF_ANSWER, timeout_s)
        if match[1] != b"ok":
            raise NodeRefused(f"{self.person.name}: {match[1].decode(errors='replace')}")
        return list(self.board.console.lines)[before:]

    async def leave(self) -> None:
        """Out of the console: the node starts its work."""
        await self.board.type("exit\n")

    async def deliver(self) -> int:
        """`send` until nothing is left or a round made no progress; how many samples are left."""
        lines = await self.command("send", _SEND_S)
        for text in reversed(lines):
            match = re.search(r"left: (\d+)", text)
            if match:
                return int(match[1])
        raise NodeRefused(f"{self.person.name}: send did not say what is left: {lines}")

    async def status(self) -> dict[str, str]:
        """The node's `status` as key and value."""
        pairs = (line.partition(":") for line in await self.command("status"))
        return {key.strip(): value.strip() for key, colon, value in pairs if colon}
