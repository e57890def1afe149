"""Every sensor that can be fitted, measured end to end on a virtual board, and what can go wrong with it."""

import math

import pytest

from boards import devkit_rfm95, heltec_lora32_v3, lilygo_lora32_v21
from lyhord_node import sensor_checks, sensor_config
from lyhord_node.sensor_catalog import NONE, USUAL, choices
from lyhord_rig import Board
from lyhord_rig.board.wiring import board_ports, flash_blocks
from lyhord_rig.sensors import ds18b20, hcsr04, serial_ranger
from lyhord_rig.sensors.sensirion import Fault
from lyhord_rig.sensors.wiring import Sensors, Surroundings
from lyhord_tools.image.build import build_image
from lyhord_wire.tables import QUANTITIES
from tests.node.bin_node import BinNode

RANGERS = [choice for choice in choices("ranger") if choice != NONE]
PULSE = ("hcsr04", "jsn_sr04t")
MM = {"empty_distance": 1500, "full_distance": 400}


class Bench(BinNode):
    """A board without a radio; `distance_mm`, `temperature_dc`, `humidity_dp` are what its sensors meet."""

    def __init__(self, world, image, folder, choices):
        self.world = world
        self.distance_mm = 950
        self.temperature_dc = 144  # where a JSN-SR04T counts right by itself
        self.humidity_dp = 480
        self.ports = ports = board_ports(devkit_rfm95)
        around = Surroundings(lambda: self.distance_mm, lambda: self.temperature_dc, lambda: self.humidity_dp)
        self.sensors = Sensors(world, ports, devkit_rfm95, choices, around, "bench", strays=0.0)
        self.cell_uv = 1_900_000
        ports.adc(devkit_rfm95.BATTERY_ADC, lambda: self.cell_uv)
        flash = folder / "flash.bin"
        flash.write_bytes(image.read_bytes())
        self.board = Board(world, "node", flash, folder / "board", ports)

    async def set_up(self):
        await self.enter()
        for name, value in (MM | self.sensors.fitted).items():
            await self.ask(f"set {name} {value}")
        await self.ask("save")

    async def sample(self):
        """One sample, kept: quantity's name → value."""
        end, lines = await self.say("sample")
        assert end == "ok", lines
        line = next(text for text in lines if text.startswith("sample"))
        pairs = (pair.split(": ") for pair in line.partition("{")[2].rstrip("}").split(", "))
        return {QUANTITIES[int(key)].name: None if value == "None" else int(value) for key, value in pairs}

    async def faults(self):
        return (await self.ask("status"))["faults"]


@pytest.fixture
def fit(world, node_image, tmp_path):
    made = []

    async def wired(**choices):
        bench = Bench(world, node_image, tmp_path, choices)
        made.append(bench)
        await bench.set_up()
        return bench

    yield wired
    for bench in made:
        print(bench.printed())
        assert bench.board.crash_reports == [] and "Traceback" not in bench.printed()


@pytest.mark.parametrize("ranger", RANGERS)
async def test_every_ranger_measures_and_says_when_it_cannot(fit, ranger):
    bench = await fit(ranger=ranger, thermometer="sht31")
    for true_mm, level in ((950, 50), (950, 50), (900, 55)):
        bench.distance_mm = true_mm
        values = await bench.sample()
        assert abs(values["distance"] - true_mm) <= 5 and abs(values["fill_level"] - level) <= 1
        assert values["fill_quality"] >= 70 and values["humidity"] == 480
    assert await bench.faults() == "none"
    bench.distance_mm = None  # open space: the lid is up, or the sensor hangs beside the bin
    values = await bench.sample()
    assert (values["distance"], values["fill_level"], values["fill_quality"]) == (None, None, 0)
    assert await bench.faults() == "ultrasonic"
    bench.distance_mm = 905
    assert abs((await bench.sample())["distance"] - 905) <= 5
    faults = hcsr04.Fault if ranger in PULSE else serial_ranger.Fault
    for fault in faults:
        bench.sensors.ranger.fault = fault
        values = await bench.sample()
        assert values["distance"] is values["fill_level"] is None, fault
        assert values["temperature"] == 144 and values["battery"] == 3800
        assert await bench.faults() == "ultrasonic", fault
    bench.sensors.ranger.fault = None
    assert abs((await bench.sample())["distance"] - 905) <= 5
    assert await bench.faults() == "none"


@pytest.mark.parametrize("ranger", ["hcsr04", "a02yyuw"])
async def test_a_flap_is_held_and_an_emptied_bin_is_not(fit, ranger):
    bench = await fit(ranger=ranger, thermometer="ds18b20")
    await bench.sample()
    bench.distance_mm = 500
    held = await bench.sample()
    assert held["distance"] is None and held["fill_quality"] <= 20 and await bench.faults() == "none"
    full = await bench.sample()
    assert full["fill_level"] >= 90
    for _ in range(33):  # until it is no obstacle any more that may have gone
        await bench.sample()
    bench.distance_mm = 1490
    emptied = await bench.sample()
    assert emptied["fill_level"] <= 2
    assert (await bench.ask("status"))["emptied"] == "1"


@pytest.mark.parametrize("true_dc", [-250, 0, 400])
@pytest.mark.parametrize("thermometer", ["ds18b20", "sht31"])
async def test_the_speed_of_sound_follows_either_thermometer(fit, thermometer, true_dc):
    bench = await fit(ranger="hcsr04", thermometer=thermometer)
    bench.temperature_dc = true_dc
    values = await bench.sample()
    assert abs(values["distance"] - 950) <= 6 and abs(values["temperature"] - true_dc) <= 1


@pytest.mark.parametrize(
    ("thermometer", "fault"),
    [("ds18b20", fault) for fault in ds18b20.Fault] + [("sht31", fault) for fault in Fault],
)
async def test_a_thermometer_that_lies_is_null_and_the_bin_is_measured(fit, thermometer, fault):
    bench = await fit(ranger="hcsr04", thermometer=thermometer)
    await bench.sample()
    bench.sensors.thermometer.fault = fault
    values = await bench.sample()
    assert values["temperature"] is None and values.get("humidity") is None
    assert abs(values["distance"] - 950) <= 6  # with the last temperature that was believed
    assert await bench.faults() == "temperature"


async def test_an_absent_chip_and_a_board_without_sensors(fit):
    bench = await fit(ranger="none", thermometer="none")
    assert await bench.sample() == {"battery": 3800}
    await bench.ask("set supply mains")
    assert (await bench.say("save"))[0] == "error: supply: expected battery where nothing else is measured"
    for name, choice in (("ranger", "mb7389"), ("thermometer", "sht31"), ("supply", "battery")):
        await bench.ask(f"set {name} {choice}")
    await bench.ask("save")
    bench.cell_uv = 100_000  # its divider is open
    assert await bench.sample() == {
        "distance": None,
        "fill_level": None,
        "fill_quality": 0,
        "temperature": None,
        "humidity": None,
        "battery": None,
    }
    assert await bench.faults() == "ultrasonic temperature battery"


async def test_a_measurement_at_the_console_disturbs_no_memory(fit):
    bench = await fit(ranger="hcsr04", thermometer="ds18b20")
    await bench.sample()
    bench.distance_mm = 300  # the installer's arm
    assert (await bench.ask("measure"))["distance"] != "none"
    bench.distance_mm = 950
    assert (await bench.sample())["fill_quality"] == 100


def test_usual_is_what_the_profile_has():
    usual = dict.fromkeys(sensor_config.SLOTS, USUAL)
    assert sensor_config.resolved(usual, "bin")["ranger"] == "hcsr04"
    assert sensor_config.resolved(usual, "building")["thermometer"] == "sht31"
    for profile in ("bin", "building"):
        fit = sensor_config.resolved(usual, profile)
        assert set(fit) == set(sensor_config.SLOTS)
        assert all(fit[slot] in choices(slot) for slot in fit)
        for board in (devkit_rfm95, heltec_lora32_v3, lilygo_lora32_v21):
            assert sensor_checks.conflict(board, usual, profile) is None


class Bare(BinNode):
    """A board of another kind with what is on these ports."""

    def __init__(self, world, pins, folder, ports):
        flash = folder / "flash.bin"
        build_image("node", pins.NAME, flash)
        self.board = Board(world, "node", flash, folder / "board", ports, flash_blocks=flash_blocks(pins))


async def test_a_battery_divider_behind_a_switch_has_time_to_settle(world, tmp_path):
    pins = heltec_lora32_v3
    ports = board_ports(pins)
    closed_us = None

    def switch(level):
        nonlocal closed_us
        closed_us = world.now_us if level == pins.BATTERY_ENABLE_ON else None

    def microvolts():  # 80 kΩ and 20 nF
        if closed_us is None:
            return 0
        return round(3_700_000 / 4.9 * (1 - math.exp((closed_us - world.now_us) / 1600)))

    ports.output(pins.BATTERY_ENABLE, switch, floating=1)
    ports.adc(pins.BATTERY_ADC, microvolts)
    node = Bare(world, pins, tmp_path, ports)
    await node.enter()
    assert 3690 <= int((await node.ask("measure"))["battery"]) + 10 <= 3710


def test_what_a_board_has_no_pin_for_is_refused_in_one_line():
    assert (
        sensor_checks.objection(lilygo_lora32_v21, "tilt", "closing")
        == "tilt: lilygo_lora32_v21 has no TILT_SWITCH"
    )
    assert sensor_checks.objection(devkit_rfm95, "tilt", "closing") is None
    texts = dict.fromkeys(sensor_config.SLOTS, USUAL) | {"tilt": "closing", "occupancy": "pir"}
    assert sensor_checks.conflict(devkit_rfm95, texts, "bin") is None
    assert sensor_checks.conflict(heltec_lora32_v3, texts, "bin") == "occupancy: its pin 2 is taken by tilt"


@pytest.mark.parametrize("board", [devkit_rfm95, heltec_lora32_v3, lilygo_lora32_v21])
@pytest.mark.parametrize("ranger", RANGERS)
def test_a_number_of_a_bus_is_no_pin(board, ranger):
    texts = dict.fromkeys(sensor_config.SLOTS, USUAL) | {"ranger": ranger}
    assert sensor_checks.conflict(board, texts, "bin") is None
