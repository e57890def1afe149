"""A bridge with either chip: it hears, answers in time, and comes back from faults."""

from dataclasses import dataclass
from enum import Enum
from types import ModuleType

import pytest

from boards import devkit_rfm95, heltec_lora32_v3
from lyhord_rig import World
from lyhord_rig.radio import sx1262, sx1276
from lyhord_wire import bridge
from lyhord_wire.bridge import RADIO_FAULT, SENT, GetStatus, Log, Received, Status, Transmit, TxResult
from tests.bridge.host import FREQ_HZ, SF, Bench

SNR_MOST_DB = 31.75  # both chips have a byte of quarters for it


@dataclass(frozen=True)
class Radio:
    """start_us: until its oscillator runs, each time that it begins to listen."""

    pins: ModuleType
    fault: type[Enum]
    start_us: int


RADIOS = {
    "sx1276": Radio(devkit_rfm95, sx1276.Fault, 0),
    "sx1262": Radio(heltec_lora32_v3, sx1262.Fault, 5_000),
}


@pytest.fixture
async def world():
    async with World(seed=12, pace=None) as made:
        yield made


@pytest.fixture(params=RADIOS)
def radio(request):
    return RADIOS[request.param]


@pytest.fixture
async def bench(world, radio, tmp_path):
    made = Bench(world, tmp_path, pins=radio.pins)
    await made.start()
    yield made
    assert made.host.junk == 0
    assert made.chip.violations == made.ether.regulator.violations == []
    assert made.board.events.crashes == made.board.events.watchdog_resets == 0


async def test_a_frame_is_reported_with_level_and_end(bench, world):
    epoch_us = await bench.epoch_us()
    for gap_us in (1_000_003, 20_017, 777_777):
        await world.run(world.now_us + gap_us)
        sent = bench.peer.send(b"an uplink")
        received = await bench.host.next(Received)
        assert abs(received.tmst_us - (sent.end_us - epoch_us)) <= 20
        level_dbm = 14 - bench.ether.link_loss_db(bench.peer.antenna, bench.chip.antenna)
        assert abs(received.rssi_dbm - level_dbm) <= 1
        assert abs(received.snr_q4 / 4 - min(level_dbm + 117, SNR_MOST_DB)) <= 0.3
        assert (received.freq_hz, received.sf, received.data) == (FREQ_HZ, SF, b"an uplink")
        assert world.now_us - sent.end_us < 40_000


async def test_downlinks_start_when_they_should_and_reach_the_node(bench, radio):
    epoch_us = await bench.epoch_us()
    for token, (freq_hz, sf, power_dbm) in enumerate(
        (
            (FREQ_HZ, 7, 14),
            (867_500_000, 9, 2),
            (868_300_000, 10, 10),
            (869_525_000, 12, radio.pins.RADIO_MAX_DBM),
        )
    ):
        bench.peer.send(b"what is new")
        received = await bench.host.next(Received)
        start_us = received.tmst_us + 1_000_000 + 17 * token
        bench.host.send(Transmit(token, start_us, freq_hz, sf, power_dbm, b"an answer"))
        bench.peer.listen(freq_hz, sf)
        result = await bench.host.next(TxResult, 10)
        assert (result.token, result.status) == (token, SENT)
        sent = bench.downlinks()[token]
        assert abs(sent.start_us - (epoch_us + start_us)) <= 200
        assert (sent.power_dbm, sent.modulation.inverted, sent.modulation.crc) == (power_dbm, True, False)
        assert bench.peer.heard[-1].data == b"an answer"


async def test_it_listens_again_after_a_downlink(bench, world, radio):
    bench.host.send(Transmit(1, None, 867_100_000, 10, 14, b"down"))
    await bench.host.next(TxResult)
    await world.run(world.now_us + radio.start_us)
    bench.peer.send(b"up again")
    assert (await bench.host.next(Received)).data == b"up again"


async def test_frames_with_a_bad_crc_and_without_one_are_counted_only(bench, world, radio):
    bench.chip.fault = radio.fault.CRC_ERROR
    bench.peer.send(b"damaged")
    await world.run_for(0.5)
    bench.chip.fault = None
    bench.peer.send(b"no CRC", crc=False)
    await world.run_for(0.5)
    bench.peer.send(b"good")
    assert (await bench.host.next(Received)).data == b"good"
    assert [received.data for received in bench.host.all(Received)] == [b"good"]
    bench.host.send(GetStatus())
    counted = (await bench.host.next(Status)).values
    assert (counted[bridge.STATUS_RECEIVED], counted[bridge.STATUS_CRC_ERRORS]) == (1, 2)


@pytest.mark.parametrize(
    ("radio", "fault", "said"),
    [
        ("sx1276", "FLOATING", "chip version 0xff"),
        ("sx1262", "FLOATING", "no SX126x"),
        ("sx1262", "BUSY_STUCK", "busy"),
        ("sx1262", "NO_CLOCK", "errors"),
    ],
    indirect=["radio"],
)
async def test_a_chip_that_does_not_work_is_told_and_found_again(world, radio, tmp_path, fault, said):
    bench = Bench(world, tmp_path, pins=radio.pins)
    bench.chip.fault = radio.fault[fault]
    await bench.start()
    assert said in bench.host.all(Log)[-1].text
    bench.host.send(Transmit(1, None, FREQ_HZ, SF, 14, b"x"))
    assert (await bench.host.next(TxResult)).status == RADIO_FAULT
    await world.run_for(40)
    bench.chip.fault = None
    assert (await bench.host.next(Log, 61)).text.startswith("radio listens")
    await world.run(world.now_us + radio.start_us)
    bench.peer.send(b"welcome back")
    assert (await bench.host.next(Received)).data == b"welcome back"
    assert bench.chip.violations == [] and bench.board.events.watchdog_resets == 0


async def test_a_chip_that_loses_its_supply_for_a_moment_is_started_anew(bench, world, radio):
    bench.chip.power(False)
    await world.run_for(0.01)
    bench.chip.power(True)
    await bench.host.next(Log)
    assert (await bench.host.next(Log)).text.startswith("radio listens")
    await world.run(world.now_us + radio.start_us)
    bench.peer.send(b"back")
    assert (await bench.host.next(Received)).data == b"back"


async def test_a_transmission_that_hangs_is_a_radio_fault_and_the_next_one_goes_out(bench, radio):
    bench.chip.fault = radio.fault.STUCK_TX
    bench.host.send(Transmit(1, None, FREQ_HZ, SF, 14, b"x"))
    result = await bench.host.next(TxResult)
    assert (result.token, result.status) == (1, RADIO_FAULT)
    bench.chip.fault = None
    assert (await bench.host.next(Log)).text.startswith("radio listens")
    bench.host.send(Transmit(2, None, FREQ_HZ, SF, 14, b"x"))
    result = await bench.host.next(TxResult)
    assert (result.token, result.status) == (2, SENT)
