"""Bits of the code that have flipped in the flash: named at the console, told after a crash, no dead node."""

import pytest
from littlefs import LittleFS

from lyhord_wire import codes
from tests.node.bin_node import BIN, BinNode
from tests.sweep import beyond


@pytest.fixture
def flipped(node_image, tmp_path):
    def make(path, source=None):
        fs = LittleFS(block_size=4096, block_count=512, mount=False, disk_version=0x00020000)
        fs.context.buffer = bytearray(node_image.read_bytes())
        fs.mount()
        with fs.open(path, "rb") as file:
            data = bytearray(file.read())
        data[len(data) // 2] ^= 0x10
        with fs.open(path, "wb") as file:
            file.write(source or bytes(data))
        fs.unmount()
        image = tmp_path / "flipped.img"
        image.write_bytes(bytes(fs.context.buffer))
        return image

    return make


async def test_verify_finds_nothing_in_what_was_built(world, gateway, node):
    await node.provision(BIN)
    await node.enter()
    assert await node.say("verify", 120) == ("ok", [])


@pytest.mark.parametrize(
    "path", ["/lib/drivers/scd41.mpy", "/lib/lyhord_wire/duty.mpy", "/boot.py", "/hashes"]
)
async def test_verify_names_what_has_changed(world, ether, gateway, flipped, tmp_path, path):
    node = BinNode(world, flipped(path), tmp_path / "node", ether)
    await node.enter()
    end, lines = await node.say("verify", 120)
    assert end.endswith("files are not as they were built; flash it again")
    assert any(line.startswith("damaged: ") for line in lines)


# A good header with rubbish behind it: MicroPython's loader does not come back from it, so each such start
# lasts until the watchdog (ten seconds of the processor here).
RUBBISH = b"M\x06\x00\x1fnot code"


@pytest.mark.parametrize("code", [b"M\x05\x00\x1fof another version", *beyond(RUBBISH)])
async def test_a_module_that_cannot_be_loaded_is_told(world, ether, gateway, flipped, tmp_path, code):
    node = BinNode(world, flipped("/lib/lyhord_node/measure.mpy", code), tmp_path / "node", ether)
    await node.provision(BIN)
    assert await world.run_until(lambda: "damaged code: /lib/lyhord_node/measure.mpy" in node.printed(), 900)
    node.board.power_off()


async def test_a_start_that_cannot_even_load_rests_and_tries_again(world, ether, gateway, flipped, tmp_path):
    node = BinNode(world, flipped("/lib/lyhord_node/schedule.mpy", b"M\x06"), tmp_path / "node", ether)
    node.board.power_on()
    await world.run_for(1900)
    assert 3 <= node.board.events.boots <= 5
    assert codes.FAULT_CODE == 256
