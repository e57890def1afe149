"""A bin node on a virtual board, with everything that is wired to it, for the tests of this folder."""

import re

from lyhord_firmware.boards import devkit_rfm95 as pins
from lyhord_rig import Board, Ports
from lyhord_rig.radio.sx1276 import Sx1276
from lyhord_rig.sensors.ds18b20 import Ds18b20, Family, OneWireBus, rom_code
from lyhord_rig.sensors.hcsr04 import HcSr04

KEY = bytes(range(16))
NODE = 0x0A01
BIN = {
    "sample_period": 60,
    "report_period": 120,
    "empty_distance": 1200,
    "full_distance": 200,
    "spreading_factor": 7,
    "ack_every": 2,
    "name": "Bin 12",
}

_SAMPLE = re.compile(r"sample \d+ ")


class BinNode:
    """`board`, `radio`, `ranger`, `thermometer`; `distance_mm` and `temperature_dc` are what they see."""

    def __init__(self, world, image, folder, ether=None, position_m=(40, 0), family=Family.GENUINE):
        self.world = world
        self.distance_mm = 800
        self.temperature_dc = 215
        self.battery_uv = 1_900_000  # half of the cell's voltage
        ports = Ports()
        self.radio = None
        if ether is not None:
            self.radio = Sx1276(world, ether.attach(position_m, "node"), ports.line(pins.RADIO_DIO0))
            ports.spi(pins.SPI_BUS, pins.RADIO_NSS, self.radio)
            ports.output(pins.RADIO_RESET, self.radio.reset)
        self.ranger = HcSr04(world, lambda: self.distance_mm, lambda: self.temperature_dc, strays=0)
        ports.output(pins.ULTRASONIC_TRIGGER, self.ranger.trigger)
        ports.pulse(pins.ULTRASONIC_ECHO, self.ranger.pulse)
        ports.input(pins.ULTRASONIC_ECHO, self.ranger.level)
        self.thermometer = Ds18b20(world, rom_code(1), lambda: self.temperature_dc, family)
        bus = OneWireBus([self.thermometer])
        ports.one_wire(pins.ONE_WIRE, bus)
        ports.output(pins.SENSOR_POWER, lambda on: (self.ranger.power(on), bus.power(on)), floating=0)
        ports.adc(pins.BATTERY_ADC, lambda: self.battery_uv)
        folder.mkdir(parents=True, exist_ok=True)
        flash = folder / "flash.bin"
        flash.write_bytes(image.read_bytes())
        self.board = Board(world, "node", flash, folder / "board", ports)
        self.samples_taken = 0  # counted as they are printed: conditions ask for it after every event
        self.board.console.on_line.append(self._count)

    async def enter(self):
        """Power-on or reset, and Enter in time."""
        self.board.console.unread.clear()
        if self.board.state.value == "off":
            self.board.power_on()
        else:
            self.board.reset()
        await self.board.expect(rb"Press Enter", 20)
        await self.say("")

    async def say(self, line, timeout_s=60):
        """One command; (last line, lines before it)."""
        self.board.console.unread.clear()
        await self.board.type(line + "\n")
        match = await self.board.expect(rb"(?ms)\A(.*?)^(?:> )*((?:ok|error: [^\r\n]*))\r\n", timeout_s)
        lines = match[1].decode().splitlines()[1:]
        return match[2].decode(), lines

    async def ask(self, line):
        """One command that must end with ok; its `key: value` lines as a dict."""
        end, lines = await self.say(line)
        assert end == "ok", (line, lines, end)
        pairs = [text.partition(":") for text in lines]
        return {key.strip(): value.strip() for key, colon, value in pairs if colon}

    async def provision(self, settings=()):
        """From the factory to work: console, identity, settings, exit."""
        await self.enter()
        await self.ask(f"provision {NODE:06x} {KEY.hex()} 0")
        for name, value in dict(settings).items():
            await self.ask(f"set {name} {value}")
        await self.ask("save")
        await self.ask("exit")

    def _count(self, line):
        self.samples_taken += bool(_SAMPLE.match(line))

    def printed(self):
        """Everything on the console so far, as text."""
        return self.board.console.text


async def deliver(node, rounds=5):
    """`send` until no sample is left."""
    await node.enter()
    for _ in range(rounds):
        end, lines = await node.say("send", 300)
        if any(line.endswith("left: 0") for line in lines):
            break
    else:
        raise AssertionError((end, lines))
    return await node.ask("status")


def whole(gateway):
    """Every number from 0 on is there; how many there are."""
    assert sorted(gateway.samples) == list(range(len(gateway.samples)))
    return len(gateway.samples)
