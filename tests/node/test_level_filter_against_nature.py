"""Days of a bin that people fill, seen by an emulated ranger with strays: fill as judged, fill as it was."""

import ast

import pytest

from boards import devkit_rfm95 as pins
from lyhord_rig import Board, Ports, World
from lyhord_rig.sensors.hcsr04 import HcSr04
from lyhord_rig.world.bin import Bin
from tests.fakes.board_image import write_image

SAMPLES = 480  # five days of quarters of an hour
EMPTY_MM = 1200
FULL_MM = 200

LISTEN = f"""
from time import sleep_ms
from machine import Pin
from boards import devkit_rfm95 as board
from drivers.hcsr04 import HcSr04
from drivers.ranging import pings

sensor = HcSr04(Pin(board.ULTRASONIC_TRIGGER, Pin.OUT), Pin(board.ULTRASONIC_ECHO, Pin.IN))
for _ in range({SAMPLES}):
    print("pings", pings(sensor, 5, 100))
    sleep_ms(900_000)
print("done")
"""


@pytest.mark.parametrize("strays", [0.02, 0.2])
async def test_the_fill_is_the_bins(tmp_path, strays):
    from lyhord_node.level_filter import LevelTracker

    async with World(seed=11, pace=None) as world:
        bin = Bin(world, "corner", EMPTY_MM, FULL_MM)
        truth = []  # distance and times emptied, at each ping
        sensor = HcSr04(world, lambda: truth[-1][0], lambda: 100, strays=strays)

        def trigger(level):
            if level:
                truth.append((bin.distance_mm(), bin.emptied))
            sensor.trigger(level)

        ports = Ports()
        ports.output(pins.ULTRASONIC_TRIGGER, trigger)
        ports.pulse(pins.ULTRASONIC_ECHO, sensor.pulse)
        ports.input(pins.ULTRASONIC_ECHO, sensor.level)
        board = Board(world, "node", write_image(tmp_path / "node.img", LISTEN), tmp_path / "work", ports)
        board.power_on()
        await board.expect(rb"done\r\n", SAMPLES * 910)
        lines = [line for line in board.serial_lines() if line.startswith("pings")]
    truth = truth[-5 * SAMPLES :]  # setting up the pin is no ping
    assert len(lines) == SAMPLES and sensor.too_soon == 0

    tracker = LevelTracker()
    held, wrong, emptied = 0, [], []
    for number, line in enumerate(lines):
        results = ast.literal_eval(line.removeprefix("pings "))
        verdict = tracker.judge([mm for mm in results if isinstance(mm, int)], 5, EMPTY_MM, FULL_MM)
        true_mm, times_emptied = truth[5 * number + 4]
        if verdict.emptied:
            emptied.append(times_emptied)
        if verdict.level is None:
            held += 1
        elif abs(verdict.distance_mm - true_mm) > 10:
            wrong.append((number, verdict.distance_mm, true_mm, verdict.quality))
    assert not wrong
    assert held <= SAMPLES // 50
    assert emptied and len(set(emptied)) == len(emptied)  # every time a new one, none twice
