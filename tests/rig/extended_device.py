"""A virtual board whose thermometer is the emulated device of docs/extend.md; run with the extended rig.

    python -m tests.rig.extended_device IMAGE FOLDER

prints a line of JSON per sample: what was true, what the node measured, and whether the device was silent.
"""

import asyncio
import json
import sys
from pathlib import Path

import tests.node.conftest  # noqa: F401 — gives the node's modules their `micropython`
from lyhord_rig import World
from tests.node.test_sensors_on_a_board import Bench

AIR = ((-123, 1), (0, 480), (849, 999))


async def main(image: Path, folder: Path) -> None:
    async with World(seed=5, pace=None) as world:
        bench = Bench(world, image, folder, {"ranger": "hcsr04", "thermometer": "aht20"})
        await bench.set_up()
        for silent in (False, True):
            bench.sensors.parts["thermometer"].silent = silent
            for bench.temperature_dc, bench.humidity_dp in AIR:
                measured = await bench.sample()
                told = {name: measured[name] for name in ("temperature", "humidity")}
                true = {"temperature": bench.temperature_dc, "humidity": bench.humidity_dp}
                print(json.dumps({"silent": silent, "true": true, "measured": told}))


if __name__ == "__main__":
    asyncio.run(main(*map(Path, sys.argv[1:3])))
