"""docs/extend.md, the node's part: a sensor and a board are added to a copy of the firmware, and work."""

import importlib.util

import pytest

from boards import devkit_rfm95
from lyhord_rig import Board
from lyhord_rig.board.wiring import board_ports, flash_blocks
from lyhord_rig.sensors.wiring import Sensors, Surroundings
from lyhord_tools.image.build import build_image
from tests.house.extend_document import add
from tests.node.bin_node import BinNode
from tests.node.test_sensors_on_a_board import Bench


class Aht20:
    """An AHT20 as its data sheet has it; `silent`: its measurement does not end."""

    holds_bus = False

    def __init__(self, world, temperature_dc, humidity_dp):
        self._world = world
        self._air = temperature_dc, humidity_dp
        self._ready_us = None
        self.silent = False

    def write(self, data):
        if data == b"\xac\x33\x00":
            self._ready_us = self._world.now_us + 80_000
        return True

    def read(self, size):
        ready = self._ready_us is not None and self._world.now_us >= self._ready_us and not self.silent
        temperature_dc, humidity_dp = (one() for one in self._air)
        raw = (humidity_dp << 20) // 1000 << 20 | ((temperature_dc + 500) << 20) // 2000
        answer = bytes((0x18 if ready else 0x98,)) + raw.to_bytes(5, "big")
        crc = 0xFF
        for byte in answer:  # the polynomial of Sensirion's, over six bytes
            crc = _crc(crc, byte)
        return (answer + bytes((crc,)))[:size]

    def stretch_us(self):
        return 0


def _crc(crc, byte):
    crc ^= byte
    for _ in range(8):
        crc = (crc << 1 ^ (0x31 if crc & 0x80 else 0)) & 0xFF
    return crc


@pytest.fixture
def extended(tmp_path, monkeypatch):
    """A copy of the firmware with one section's example in it; building takes from there."""

    def section(heading, most):
        touched = add(heading, "firmware", tmp_path)
        assert len(touched) <= most
        monkeypatch.setenv("LYHORD_FIRMWARE", str(tmp_path / "firmware"))
        return touched

    return section


async def test_a_sensor_is_two_files(world, extended, tmp_path):
    extended("A sensor", 2)
    image = tmp_path / "image.bin"
    build_image("node", "devkit_rfm95", image)
    bench = Bench(world, image, tmp_path, {"ranger": "hcsr04"})
    pins = devkit_rfm95
    part = Aht20(world, lambda: bench.temperature_dc, lambda: bench.humidity_dp)
    bench.ports.i2c(pins.I2C_BUS, 0x38, part, scl=pins.I2C_SCL, sda=pins.I2C_SDA)
    await bench.enter()
    assert "aht20" in (await bench.say("set thermometer nothing"))[0]
    await bench.ask("set thermometer aht20")
    await bench.ask("save")
    for true_dc, true_dp in ((-123, 1), (0, 480), (849, 999)):
        bench.temperature_dc, bench.humidity_dp = true_dc, true_dp
        values = await bench.sample()
        assert abs(values["temperature"] - true_dc) <= 1 and abs(values["humidity"] - true_dp) <= 1
    part.silent = True
    values = await bench.sample()
    assert values["temperature"] is values["humidity"] is None and await bench.faults() == "temperature"
    assert "thermometer=aht20" in (await bench.ask("status"))["sensors"]
    assert bench.board.crash_reports == []


class Bare(BinNode):
    def __init__(self, world, pins, image, folder, ports):
        self.board = Board(world, "node", image, folder / "board", ports, flash_blocks=flash_blocks(pins))


async def test_a_board_is_one_file(world, extended, tmp_path):
    (path,) = extended("A board", 1)
    spec = importlib.util.spec_from_file_location("s3_rfm95", tmp_path / path)
    pins = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(pins)
    image = tmp_path / "image.bin"
    build_image("node", pins.NAME, image)
    ports = board_ports(pins)
    around = Surroundings(lambda: 950, lambda: 215)
    Sensors(world, ports, pins, {"ranger": "hcsr04", "thermometer": "ds18b20"}, around, "bench", strays=0.0)
    ports.adc(pins.BATTERY_ADC, lambda: 1_900_000)
    node = Bare(world, pins, image, tmp_path, ports)
    await node.enter()
    assert (await node.ask("version"))["board"] == pins.NAME
    said = await node.ask("measure")
    assert (said["temperature"], said["battery"]) == ("215", "3800") and abs(int(said["distance"]) - 950) <= 5
    assert (await node.say("set tilt closing"))[0] == f"error: tilt: {pins.NAME} has no TILT_SWITCH"
    assert node.board.crash_reports == []
