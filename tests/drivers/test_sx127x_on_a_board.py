"""The radio driver on a virtual board, its chip at register level in the ether: an empty window, failures."""

from functools import partial

import pytest

from boards import devkit_rfm95
from lyhord_rig.radio.sx1276 import Fault
from lyhord_wire.airtime import airtime_us
from tests.drivers import radio_bench
from tests.drivers.radio_bench import UPLINK_AND_WINDOW

Bench = partial(radio_bench.Bench, pins=devkit_rfm95)


async def test_an_empty_window_ends_after_its_symbols(world, tmp_path):
    main = UPLINK_AND_WINDOW.format(sf=9, power_dbm=20, after_us=100_000, symbols=100)
    bench = Bench(world, tmp_path, main)
    await bench.board.expect(rb"sent", 10)
    ended_us = world.now_us
    assert (await bench.finish())[-3:-1] == ["timeout", "done"]
    assert 100_000 + 100 * 4096 <= world.now_us - ended_us <= 100_000 + 100 * 4096 + 10_000
    assert bench.sent[0].power_dbm == 20


@pytest.mark.parametrize(("fault", "shown"), [(Fault.FLOATING, b"0xff"), (Fault.GROUNDED, b"0x00")])
async def test_an_absent_chip_is_found_in_the_constructor(world, tmp_path, fault, shown):
    bench = Bench(
        world,
        tmp_path,
        """
try:
    open_radio(board)
except RadioError as error:
    print(error)
""",
    )
    bench.chip.fault = fault
    await bench.board.expect(rb"chip version " + shown + rb" instead of 0x12\r\n", 5)


async def test_a_transmission_that_hangs_ends_in_an_error_and_the_next_one_works(world, tmp_path):
    bench = Bench(
        world,
        tmp_path,
        """
radio = open_radio(board)
radio.configure(868_100_000, 7)
print("ready")
try:
    radio.send(bytes(50))
except RadioError as error:
    print(error)
radio.restart()
radio.configure(868_100_000, 7)
radio.send(b"again")
print("done")
""",
    )
    bench.chip.fault = Fault.STUCK_TX
    await bench.board.expect(rb"ready", 5)
    began_us = world.now_us
    await bench.board.expect(rb"transmission did not end\r\n", 5)
    assert world.now_us - began_us <= airtime_us(50, 7) + 150_000
    bench.chip.fault = None
    await bench.finish()
    assert [sent.data for sent in bench.sent] == [b"again"]
