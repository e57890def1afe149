"""A virtual bin node on a pty, as a process: boots the flash file that it is given.

Prints the path of the pty, then obeys lines on standard input: `reset` is the board's reset button, the end
of input ends the bench.
"""

import asyncio
import sys
from pathlib import Path

from lyhord_firmware.boards import devkit_rfm95 as pins
from lyhord_rig.radio.ether import Ether
from lyhord_rig.street.node import BinNode, Label, Site
from lyhord_rig.world.clock import World
from lyhord_rig.world.weather import Weather


async def run(flash: Path, folder: Path) -> None:
    """The bench until standard input ends."""
    async with World(seed=1) as world:
        label = Label(1, "bench", b"")
        site = Site(world, Ether(world), Weather(world), flash, folder, (0.0, 0.0), pins)
        node = BinNode(site, label)
        print(node.board.serial_path, flush=True)
        node.board.power_on()
        running = asyncio.create_task(world.run())
        orders = asyncio.create_task(_obey(node))
        done, _ = await asyncio.wait((running, orders), return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        world.stop()
        await running


async def _obey(node: BinNode) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        if line.strip() == b"reset":
            node.board.reset()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), Path(sys.argv[2])))
