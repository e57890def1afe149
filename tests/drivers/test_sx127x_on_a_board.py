"""The radio driver on a virtual board, its chip at register level in the ether: uplinks and windows."""

import pytest

from boards import devkit_rfm95
from lyhord_rig import World
from lyhord_rig.ether_model import Modulation
from lyhord_rig.sx1276 import Fault
from lyhord_rig.sx1276_registers import Mode
from lyhord_wire.airtime import airtime_us
from tests.drivers import radio_bench
from tests.drivers.radio_bench import UPLINK_AND_WINDOW


@pytest.fixture
async def world():
    async with World(seed=3, pace=None) as made:
        yield made


class Bench(radio_bench.Bench):
    def __init__(self, world, folder, main):
        super().__init__(world, folder, main, devkit_rfm95)


@pytest.mark.parametrize("sf", range(7, 13))
async def test_uplink_and_answer_in_the_window(world, tmp_path, sf):
    main = UPLINK_AND_WINDOW.format(sf=sf, power_dbm=14, after_us=990_000, symbols=30)
    bench = Bench(world, tmp_path, main)
    assert await world.run_until(lambda: len(bench.sent) == 1, 5)
    (uplink,) = bench.sent
    assert uplink.data == b"uplink" and uplink.power_dbm == 14
    assert uplink.airtime_us == airtime_us(6, sf)
    assert (uplink.modulation.sf, uplink.modulation.inverted, uplink.modulation.crc) == (sf, False, True)
    await world.run(uplink.end_us + 1_000_000)
    downlink = bench.peer.antenna.transmit(
        Modulation(868_100_000, sf, inverted=True, crc=False), 14, b"answer, longer than the uplink"
    )
    lines = await bench.finish()
    _, sent_us = lines[0].split()
    assert abs(int(sent_us) - uplink.end_us) <= 50  # power came at 0, so ticks are virtual time
    level_dbm = 14 - bench.ether.link_loss_db(bench.chip.antenna, bench.peer.antenna)
    (packet,) = (line for line in lines if line.startswith("packet"))
    head, _, rest = packet.rpartition("'")
    rssi_dbm, snr_q4, crc_ok, end_us = rest.split()
    assert head == "packet b'answer, longer than the uplink"
    assert abs(int(rssi_dbm) - level_dbm) <= 1 and abs(int(snr_q4) / 4 - (level_dbm + 117)) <= 0.3
    assert crc_ok == "True"  # none was expected
    assert abs(int(end_us) - downlink.end_us) <= 50
    assert bench.chip.mode is Mode.SLEEP


async def test_an_empty_window_ends_after_its_symbols(world, tmp_path):
    main = UPLINK_AND_WINDOW.format(sf=9, power_dbm=20, after_us=100_000, symbols=100)
    bench = Bench(world, tmp_path, main)
    await bench.board.expect(rb"sent", 10)
    ended_us = world.now_us
    assert (await bench.finish())[-3:-1] == ["timeout", "done"]
    assert 100_000 + 100 * 4096 <= world.now_us - ended_us <= 100_000 + 100 * 4096 + 10_000
    assert bench.sent[0].power_dbm == 20


async def test_other_nodes_are_not_heard_in_the_window(world, tmp_path):
    bench = Bench(world, tmp_path, UPLINK_AND_WINDOW.format(sf=7, power_dbm=2, after_us=50_000, symbols=200))
    await bench.board.expect(rb"sent", 10)
    await world.run(world.now_us + 80_000)
    bench.peer.send(b"another node's uplink")
    assert (await bench.finish())[-3] == "timeout"
    assert bench.sent[0].power_dbm == 2


async def test_frames_without_a_good_crc_are_marked(world, tmp_path):
    bench = Bench(
        world,
        tmp_path,
        """
radio = open_radio(board)
radio.configure(868_100_000, 7)
for _ in range(3):
    print("ready")
    show(radio.receive(1000))
radio.sleep()
print("done")
""",
    )
    await bench.board.expect(rb"ready", 5)
    bench.peer.send(b"good")
    await bench.board.expect(rb"packet b'good' -?\d+ -?\d+ True \d+\r\nready", 5)
    bench.peer.send(b"without", crc=False)
    await bench.board.expect(rb"packet b'without' -?\d+ -?\d+ False \d+\r\nready", 5)
    bench.chip.fault = Fault.CRC_ERROR
    bench.peer.send(b"damaged")
    await bench.board.expect(rb"packet b'.*' -?\d+ -?\d+ False \d+\r\n", 5)
    await bench.finish()


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
