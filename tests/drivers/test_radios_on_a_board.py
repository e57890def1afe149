"""Either radio's driver on its boards, the chip emulated in the ether: uplinks, windows, CRCs."""

import pytest

from boards import devkit_rfm95, heltec_lora32_v3, lilygo_lora32_v21, lilygo_t3s3
from lyhord_rig.radio import sx1262, sx1276
from lyhord_rig.radio.model import Modulation
from lyhord_wire.airtime import airtime_us
from tests.drivers.radio_bench import UPLINK_AND_WINDOW, Bench

BOARDS = [pytest.param(board, id=board.NAME) for board in (devkit_rfm95, heltec_lora32_v3, lilygo_t3s3)]


@pytest.mark.parametrize("pins", BOARDS)
@pytest.mark.parametrize("sf", range(7, 13))
async def test_uplink_and_answer_in_the_window(world, tmp_path, sf, pins):
    main = UPLINK_AND_WINDOW.format(sf=sf, power_dbm=14, after_us=990_000, symbols=30)
    bench = Bench(world, tmp_path, main, pins)
    assert await world.run_until(lambda: len(bench.sent) == 1, 5)
    (uplink,) = bench.sent
    assert uplink.data == b"uplink" and uplink.power_dbm == 14
    assert uplink.airtime_us == airtime_us(6, sf)
    assert (uplink.modulation.sf, uplink.modulation.inverted, uplink.modulation.crc) == (sf, False, True)
    assert (uplink.modulation.sync_word, uplink.modulation.preamble) == (0x34, 8)
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
    assert abs(int(rssi_dbm) - level_dbm) <= 1 and abs(int(snr_q4) / 4 - min(level_dbm + 117, 31.75)) <= 0.3
    assert crc_ok == "True"  # none was expected
    assert abs(int(end_us) - downlink.end_us) <= 50
    assert bench.chip.mode.name == "SLEEP"


@pytest.mark.parametrize("pins", BOARDS)
async def test_other_nodes_are_not_heard_in_the_window(world, tmp_path, pins):
    main = UPLINK_AND_WINDOW.format(sf=7, power_dbm=2, after_us=50_000, symbols=200)
    bench = Bench(world, tmp_path, main, pins)
    await bench.board.expect(rb"sent", 10)
    await world.run(world.now_us + 80_000)
    bench.peer.send(b"another node's uplink")
    assert (await bench.finish())[-3] == "timeout"
    assert bench.sent[0].power_dbm == 2


@pytest.mark.parametrize(
    ("pins", "damage"),
    [(devkit_rfm95, sx1276.Fault.CRC_ERROR), (heltec_lora32_v3, sx1262.Fault.CRC_ERROR)],
    ids=["sx1276", "sx1262"],
)
async def test_frames_without_a_good_crc_are_marked(world, tmp_path, pins, damage):
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
        pins,
    )
    await bench.ready()
    bench.peer.send(b"good")
    await bench.board.expect(rb"packet b'good' -?\d+ -?\d+ True \d+\r\n", 5)
    await bench.ready()
    bench.peer.send(b"without", crc=False)
    await bench.board.expect(rb"packet b'without' -?\d+ -?\d+ False \d+\r\n", 5)
    await bench.ready()
    bench.chip.fault = damage
    bench.peer.send(b"damaged")
    await bench.board.expect(rb"packet b'.*' -?\d+ -?\d+ False \d+\r\n", 5)
    await bench.finish()


async def test_the_sx1276_of_the_lilygo_is_opened_by_the_same_call(world, tmp_path):
    main = UPLINK_AND_WINDOW.format(sf=9, power_dbm=14, after_us=100_000, symbols=8)
    bench = Bench(world, tmp_path, main, lilygo_lora32_v21)
    assert (await bench.finish())[-3:-1] == ["timeout", "done"]
    assert [sent.data for sent in bench.sent] == [b"uplink"]


@pytest.mark.parametrize("pins", BOARDS)
async def test_the_interrupt_allocates_nothing(world, tmp_path, pins):
    main = """
import drivers.lora_radio, micropython
radio = open_radio(board)
drivers.lora_radio.ticks_us = lambda: 5  # the emulated chip's time may allocate, the handler may not
micropython.heap_lock()
try:
    radio._note_time(None)
finally:
    micropython.heap_unlock()
print(radio._stamp)
print("done")
"""
    assert (await Bench(world, tmp_path, main, pins).finish())[0] == "[5, True]"
