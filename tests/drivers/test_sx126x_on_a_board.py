"""The SX1262 driver on its board, the chip at command level in the ether: power, buffer, failures."""

from functools import partial

import pytest

from boards import heltec_lora32_v3
from lyhord_rig.radio.model import Modulation
from lyhord_rig.radio.sx1262 import Fault
from lyhord_wire.airtime import airtime_us
from tests.bridge.host import Peer
from tests.drivers import radio_bench
from tests.drivers.radio_bench import UPLINK_AND_WINDOW

Bench = partial(radio_bench.Bench, pins=heltec_lora32_v3)


@pytest.mark.parametrize("power_dbm", [-9, 0, 13, 14, 15, 22])
async def test_an_empty_window_ends_after_its_symbols(world, tmp_path, power_dbm):
    main = UPLINK_AND_WINDOW.format(sf=9, power_dbm=power_dbm, after_us=100_000, symbols=300)
    bench = Bench(world, tmp_path, main)
    await bench.board.expect(rb"sent", 10)
    ended_us = world.now_us
    assert (await bench.finish())[-3:-1] == ["timeout", "done"]
    assert 100_000 + 300 * 4096 <= world.now_us - ended_us <= 100_000 + 300 * 4096 + 10_000
    assert bench.sent[0].power_dbm == power_dbm


async def test_a_frame_that_breaks_off_ends_the_window(world, tmp_path):
    # Two nearly equally loud frames: the chip locks on to the preamble and gets no header.
    bench = Bench(world, tmp_path, UPLINK_AND_WINDOW.format(sf=9, power_dbm=14, after_us=50_000, symbols=30))
    await bench.board.expect(rb"sent", 10)
    other = Peer(bench.ether.attach((0, 40), "other"))
    down = Modulation(868_100_000, 9, inverted=True, crc=False)
    await world.run(world.now_us + 60_000)
    bench.peer.antenna.transmit(down, 14, b"answer")
    await world.run(world.now_us + 30_000)
    other.antenna.transmit(down, 20, b"another gateway's answer")
    assert (await bench.finish())[-3] == "timeout"


async def test_many_frames_go_round_the_buffer(world, tmp_path):
    bench = Bench(
        world,
        tmp_path,
        """
radio = open_radio(board)
radio.configure(868_100_000, 7)
radio.start_receive()
print("ready")
count = 0
while count < 12:
    packet = radio.poll_receive()
    if packet is None:
        sleep_ms(5)
        continue
    assert packet.crc_ok and packet.data == bytes((count,)) * (60 + count), packet.data
    print("end", packet.end_us)
    count += 1
radio.sleep()
print("done")
""",
    )
    await bench.ready()
    ends_us = []
    for count in range(12):
        sent = bench.peer.send(bytes((count,)) * (60 + count))
        ends_us.append(sent.end_us)
        await world.run(sent.end_us + 20_000)
    lines = await bench.finish()
    stamps = [int(line.split()[1]) for line in lines if line.startswith("end")]
    assert all(abs(stamp - end_us) <= 50 for stamp, end_us in zip(stamps, ends_us, strict=True))


FIND = """
started_us = ticks_us()
try:
    open_radio(board)
except RadioError as error:
    print("fault:", error)
print("after", ticks_diff(ticks_us(), started_us))
print("done")
"""


@pytest.mark.parametrize(
    ("fault", "shown"),
    [
        (Fault.FLOATING, "no SX126x: status 0xff, register 0xffff"),
        (Fault.GROUNDED, "no SX126x: status 0x00, register 0x0000"),
        (Fault.BUSY_STUCK, "chip stays busy"),
        (Fault.NO_CLOCK, "device errors 0x0020"),
    ],
)
async def test_what_is_wrong_from_the_start_is_found_in_the_constructor(world, tmp_path, fault, shown):
    bench = Bench(world, tmp_path, FIND)
    bench.chip.fault = fault
    lines = await bench.finish()
    assert lines[0] == f"fault: {shown}"
    assert int(lines[1].split()[1]) < 100_000


HANG = """
radio = open_radio(board)
radio.configure(868_100_000, 7)
print("ready")
sleep_ms(10)
try:
    {call}
except RadioError as error:
    print("fault:", error)
radio.sleep()
sleep_ms(100)
radio.restart()
radio.configure(868_100_000, 7)
radio.send(b"again")
radio.sleep()
print("done")
"""


async def test_a_transmission_that_hangs_ends_in_an_error_and_the_next_one_works(world, tmp_path):
    bench = Bench(world, tmp_path, HANG.format(call="radio.send(bytes(50))"))
    await bench.ready()
    began_us = world.now_us
    bench.chip.fault = Fault.STUCK_TX
    await bench.board.expect(rb"fault: transmission did not end\r\n", 5)
    assert world.now_us - began_us <= 10_000 + airtime_us(50, 7) + 150_000
    bench.chip.fault = None
    await bench.finish()
    assert [sent.data for sent in bench.sent] == [b"again"]


@pytest.mark.parametrize("call", ["radio.send(bytes(50))", "radio.start_receive(8)", "radio.receive(1000)"])
async def test_a_chip_that_gets_stuck_busy_is_a_fault_and_a_reset_brings_it_back(world, tmp_path, call):
    bench = Bench(world, tmp_path, HANG.format(call=call))
    await bench.ready()
    bench.chip.fault = Fault.BUSY_STUCK
    await bench.board.expect(rb"fault: chip stays busy\r\n", 5)
    await world.run(world.now_us + 70_000)
    bench.chip.fault = None
    await bench.finish()
    assert [sent.data for sent in bench.sent] == [b"again"]


async def test_a_clock_that_dies_later_is_a_fault_too(world, tmp_path):
    bench = Bench(world, tmp_path, HANG.format(call="radio.sleep(); radio.send(bytes(50))"))
    await bench.ready()
    bench.chip.fault = Fault.NO_CLOCK
    await bench.board.expect(rb"fault: transmission did not end\r\n", 5)
    bench.chip.fault = None
    await bench.finish()


async def test_a_chip_that_loses_its_supply_while_listening_is_noticed(world, tmp_path):
    bench = Bench(world, tmp_path, HANG.format(call="radio.receive(1000)"))
    await bench.ready()
    await world.run(world.now_us + 100_000)
    bench.chip.power(False)
    await world.run(world.now_us + 1_000)
    bench.chip.power(True)
    await bench.board.expect(rb"fault: chip left receiving, status 0x\w\w\r\n", 5)
    await bench.finish()
