"""A flash that is full, or whose log cannot be opened: the node still measures, sends and says so."""

import contextlib
import re

from littlefs import LittleFS
from littlefs.errors import LittleFSError

from lyhord_wire import codes
from tests.node.bin_node import BIN, whole


@contextlib.contextmanager
def flash_of(node):
    """The file system of a node that is off, to be changed."""
    fs = LittleFS(block_size=4096, block_count=512, mount=False)
    fs.context.buffer = bytearray(node.board.image.read_bytes())
    fs.mount()
    yield fs
    fs.unmount()
    node.board.image.write_bytes(bytes(fs.context.buffer))


def dropped(gateway):
    return sum(status.get(codes.STATUS_DROPPED, 0) for status in gateway.statuses)


async def test_a_flash_filled_by_somebody_else_does_not_silence_it(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(300)
    node.board.power_off()
    with flash_of(node) as fs, contextlib.suppress(LittleFSError):
        for number in range(512):
            with fs.open(f"/filler{number}", "wb") as filler:
                filler.write(b"\x55" * 4096)
    heard = len(gateway.reports)
    node.board.power_on()
    await world.run_for(3600)
    printed = node.printed()
    taken = len(set(re.findall(r"sample (\d+) ", printed))) + printed.count("sample not kept")
    assert taken >= 60 and len(gateway.reports) > heard + 10
    # What could not be kept is counted; the last report is still to come.
    assert 0 <= taken - len(gateway.samples) - dropped(gateway) <= 4


async def test_a_log_that_cannot_be_opened_is_told_and_its_samples_are_counted(world, gateway, node):
    await node.provision(BIN)
    await world.run_for(300)
    kept = whole(gateway)
    node.board.power_off()
    with flash_of(node) as fs:
        for name in fs.listdir("/log"):
            fs.remove("/log/" + name)
        fs.rmdir("/log")
        with fs.open("/log", "wb") as file:
            file.write(b"not a folder")
    node.board.power_on()
    heard = len(gateway.reports)
    await world.run_for(1800)
    assert node.printed().count("sample not kept") >= 25
    assert len(gateway.reports) > heard + 3 and len(gateway.samples) == kept
    faults = [status[codes.STATUS_FAULTS] for status in gateway.statuses if codes.STATUS_FAULTS in status]
    assert faults[-1] & codes.FAULT_STORAGE
    assert 20 <= dropped(gateway) <= node.printed().count("sample not kept")
    node.board.power_off()
    with flash_of(node) as fs:
        fs.remove("/log")
    node.board.power_on()
    await world.run_for(900)
    assert len(gateway.samples) >= kept + 10
    faults = [status[codes.STATUS_FAULTS] for status in gateway.statuses if codes.STATUS_FAULTS in status]
    assert not faults[-1] & codes.FAULT_STORAGE
