"""A bin node on any of our boards with its radio, sensors and a meter, and a gateway that answers it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiomqtt

from lyhord_tools.fleet.keys import Key
from lyhord_wire.frame import KIND_REPORT, open_uplink, parse_uplink, seal_downlink
from lyhord_wire.instructions import STORED, TIME, encode_instructions
from lyhord_wire.lora import RX1_DELAY_US, UPLINK_CHANNELS
from lyhord_wire.report import decode_report

from ..board.board import Board
from ..board.wiring import board_pins, board_ports, flash_blocks, wire_radio
from ..radio.ether import Ether
from ..radio.model import Modulation, Reception
from ..sensors.battery import Battery
from ..sensors.ds18b20 import Ds18b20, OneWireBus, rom_code
from ..sensors.hcsr04 import HcSr04
from ..world.bin import Bin
from ..world.clock import World
from ..world.weather import Weather
from .energy_meter import Meter

NODE = 0x0E01
KEY = Key(bytes(range(16)))
_GATEWAY = 1
_DOWNLINK_DBM = 14.0
_START_S = 20.0
_ANSWER_S = 60.0


class MeteredNode:
    """`board`, `radio`, `meter`. Sensors that cannot be powered down count as on all the time awake."""

    def __init__(self, world: World, ether: Ether, name: str, image: Path, work_dir: Path) -> None:
        pins = board_pins(name)
        self._pins = pins
        ports = board_ports(pins)
        self.radio = wire_radio(world, ports, ether.attach((0.0, 0.0), "node"), pins)
        place, weather, battery = Bin(world, "bin"), Weather(world), Battery(world)
        self._ranger = HcSr04(world, place.distance_mm, weather.temperature_dc)
        self._thermometer = Ds18b20(world, rom_code(NODE), weather.temperature_dc)
        self._sensors_on = False
        ports.output(pins.ULTRASONIC_TRIGGER, self._ranger.trigger)
        ports.input(pins.ULTRASONIC_ECHO, self._ranger.level)
        ports.pulse(pins.ULTRASONIC_ECHO, self._ranger.pulse)
        ports.one_wire(pins.ONE_WIRE, OneWireBus([self._thermometer]))
        ports.output(pins.SENSOR_POWER, self._power_sensors, floating=1 - pins.SENSOR_POWER_ON)
        divider = pins.BATTERY_DIVIDER_NUM / pins.BATTERY_DIVIDER_DEN
        ports.adc(pins.BATTERY_ADC, lambda: battery.microvolts(divider))
        flash = work_dir / "flash.bin"
        flash.write_bytes(image.read_bytes())
        self.board = Board(world, "node", flash, work_dir / "board", ports, flash_blocks=flash_blocks(pins))
        self.meter = Meter(
            world,
            self.board,
            lambda: self.radio.mode.name,
            lambda: self._sensors_on,
            lambda: self._ranger.pings,
        )

    def _power_sensors(self, level: int) -> None:
        self._sensors_on = level == self._pins.SENSOR_POWER_ON
        self._ranger.power(self._sensors_on)
        self._thermometer.power(self._sensors_on)

    async def set_up(self, settings: dict[str, object]) -> None:
        """As a technician would over the serial console; the node works afterwards."""
        self.board.power_on()
        await self.board.expect(rb"Press Enter", _START_S)
        await self._say("")
        await self._say(f"provision {NODE:06x} {KEY.value.hex()} 0")
        for key, value in settings.items():
            await self._say(f"set {key} {value}")
        await self._say("save")
        await self._say("exit")

    async def _say(self, line: str) -> None:
        self.board.console.unread.clear()
        await self.board.type(line + "\n")
        await self.board.expect(rb"(?m)^(?:> )*ok\r?$", _ANSWER_S)


class Answers:
    """Opens what the node says and seals what a gateway without wishes answers: the time, what is stored."""

    def __init__(self, world: World) -> None:
        self.reports = 0
        self._world = world
        self._cipher = KEY.cipher()
        self._counter = 0
        self._stored = 0

    def answer(self, raw: bytes) -> bytes | None:
        """The downlink, or None where none was asked for."""
        uplink = open_uplink(parse_uplink(raw), self._cipher)
        if uplink.kind == KIND_REPORT:
            report = decode_report(uplink.payload)
            self.reports += 1
            self._stored = max(self._stored, report.seq + report.count())
        if not uplink.ack_requested:
            return None
        self._counter += 1
        told = encode_instructions({TIME: self._world.unix_us() // 1_000_000, STORED: self._stored})
        return seal_downlink(self._cipher, NODE, _GATEWAY, self._counter, uplink.counter, told)


class LoraAnswers:
    """A gateway 40 m away that hears every channel and answers in RX1."""

    def __init__(self, world: World, ether: Ether) -> None:
        self.answers = Answers(world)
        self._world = world
        self._mouth = ether.attach((41.0, 0.0), "mouth")
        tunings = [Modulation(freq_hz, sf) for freq_hz, _ in UPLINK_CHANNELS for sf in range(7, 13)]
        ether.attach((40.0, 0.0), "ear").listen(tunings, self, 8)

    def preamble_detected(self) -> None:
        """Part of the receiver's interface."""

    def header_received(self, modulation: Modulation) -> None:
        """Part of the receiver's interface."""

    def frame_dropped(self) -> None:
        """Part of the receiver's interface."""

    def frame_received(self, reception: Reception) -> None:
        raw = self.answers.answer(reception.data)
        if raw is not None:
            heard = reception.transmission.modulation
            tuning = Modulation(heard.freq_hz, heard.sf, inverted=True, crc=False)
            at_us = reception.end_us + RX1_DELAY_US
            self._world.call_at(at_us, self._mouth.transmit, tuning, _DOWNLINK_DBM, raw)


class MqttAnswers:
    """The same over a real broker. `run` goes on until it is cancelled."""

    def __init__(self, world: World, port: int) -> None:
        self.answers = Answers(world)
        self.subscribed = asyncio.Event()
        self._port = port

    async def run(self) -> None:
        async with aiomqtt.Client("127.0.0.1", self._port) as client:
            await client.subscribe("lyhord/v1/+/up", qos=1)
            self.subscribed.set()
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                raw = self.answers.answer(message.payload)
                if raw is not None:
                    await client.publish(str(message.topic).replace("/up", "/down"), raw, qos=1)
