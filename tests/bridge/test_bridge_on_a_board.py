"""The whole bridge on a virtual board, its chip in the ether: what the gateway and the nodes get to see."""

from dataclasses import replace
from random import Random

import pytest

from lyhord_rig import World
from lyhord_rig.radio.model import Modulation
from lyhord_wire import bridge, cobs
from lyhord_wire.bridge import (
    BAD_REQUEST,
    DUTY_CYCLE,
    SENT,
    TOO_LATE,
    GetStatus,
    Listen,
    Log,
    Received,
    Status,
    Transmit,
    TxResult,
)
from tests.bridge.host import FREQ_HZ, SF, Bench
from tests.fakes.board_image import VERSION_NUMBER
from tests.vectors import load

U32 = 1 << 32
TICKS_WRAP_US = 1 << 30


@pytest.fixture
async def world():
    async with World(seed=11, pace=None) as made:
        yield made


@pytest.fixture
async def bench(world, tmp_path):
    made = Bench(world, tmp_path)
    await made.start()
    yield made
    assert made.host.junk == 0
    assert made.chip.violations == []
    assert made.board.events.crashes == 0 and made.board.events.watchdog_resets == 0
    assert made.ether.regulator.violations == []


def fields(status):
    return (
        status.values[bridge.STATUS_RECEIVED],
        status.values[bridge.STATUS_CRC_ERRORS],
        status.values[bridge.STATUS_SENT],
        status.values[bridge.STATUS_FREQ],
        status.values[bridge.STATUS_SF],
    )


async def status_of(bench):
    bench.host.send(GetStatus())
    return await bench.host.next(Status)


async def test_it_says_what_it_is_and_then_every_30_s(bench, world):
    first = bench.host.all(Status)[0]
    assert first.values[bridge.STATUS_VERSION] == VERSION_NUMBER
    assert first.values[bridge.STATUS_UPTIME] == 0
    assert fields(first) == (0, 0, 0, FREQ_HZ, SF)
    assert [log.text for log in bench.host.all(Log)] == [
        "bridge started, reset cause 1",
        f"radio listens on {FREQ_HZ} Hz SF{SF}",
    ]
    await world.run_for(91)
    assert [s.values[bridge.STATUS_UPTIME] for s in bench.host.all(Status)] == [0, 30, 60, 90]


async def test_every_byte_value_passes_in_both_directions(bench, world):
    data = bytes(range(222))  # 3, the interrupt character, and 0, the separator, among them
    bench.peer.send(data)
    assert (await bench.host.next(Received)).data == data
    rest = bytes(range(200, 256)) + b"\x00\x03\n\r\x04\x01"
    bench.peer.listen(869_525_000, 9)
    bench.host.send(Transmit(1, None, 869_525_000, 9, 14, rest))
    assert (await bench.host.next(TxResult)).status == SENT
    assert [heard.data for heard in bench.peer.heard] == [rest]


async def test_the_golden_transmissions_are_taken_byte_for_byte(bench, world):
    vectors = {vector["name"]: vector for vector in load("bridge")}
    bench.peer.listen(869_525_000, 12)
    bench.board.serial_feed(bytes.fromhex(vectors["transmit now"]["wire"]))
    result = await bench.host.next(TxResult)
    assert (result.token, result.status) == (8, SENT)
    assert bench.peer.heard[0].data == bytes(3)
    bench.board.serial_feed(bytes.fromhex(vectors["transmit"]["wire"]))  # for a time of long ago or far ahead
    result = await bench.host.next(TxResult)
    assert result.token == 7 and result.status in (TOO_LATE, BAD_REQUEST)


async def test_the_clock_runs_on_over_the_wrap_of_the_ticks(world, tmp_path):
    # A board whose tick counter wraps 3 s after its start: time and stamps run on, downlinks cross the wrap.
    bench = Bench(world, tmp_path, f"import _link\n_link.boot -= {TICKS_WRAP_US - 3_000_000}\n")
    await bench.start()
    epoch_us = await bench.epoch_us()
    for token in range(8):
        sent = bench.peer.send(b"around the wrap")
        received = await bench.host.next(Received)
        assert abs(received.tmst_us - (sent.end_us - epoch_us)) <= 20
        start_us = received.tmst_us + 700_000
        bench.host.send(Transmit(token, start_us, 867_100_000, SF, 14, b"over the wrap"))
        assert (await bench.host.next(TxResult)).status == SENT
        assert abs(bench.downlinks()[token].start_us - epoch_us - start_us) <= 100
    assert bench.downlinks()[0].start_us < epoch_us + 3_000_000 < bench.downlinks()[-1].start_us


async def test_downlinks_start_at_the_requested_microsecond_as_a_node_expects_them(bench, world):
    seed = 20261123
    print("seed", seed)
    random = Random(seed)
    epoch_us = await bench.epoch_us()
    for token in range(12):
        freq_hz, sf = random.choice(((FREQ_HZ, 7), (867_500_000, 9), (868_300_000, 8), (869_525_000, 12)))
        data = random.randbytes(random.randrange(1, 65))
        bench.peer.send(random.randbytes(20))
        received = await bench.host.next(Received)
        start_us = received.tmst_us + random.choice((1_000_000, 2_000_000)) + random.randrange(1000)
        await world.run(world.now_us + random.randrange(900_000))
        bench.host.send(Transmit(token, start_us, freq_hz, sf, 14, data))
        bench.peer.listen(freq_hz, sf)
        result = await bench.host.next(TxResult, 10)
        assert (result.token, result.status) == (token, SENT)
        sent = bench.downlinks()[token]
        assert abs(sent.start_us - (epoch_us + start_us)) <= 100
        assert abs(sent.modulation.freq_hz - freq_hz) <= 61  # one step of the synthesizer
        assert replace(sent.modulation, freq_hz=freq_hz) == Modulation(freq_hz, sf, inverted=True, crc=False)
        assert sent.power_dbm == 14
        assert bench.peer.heard[-1].data == data
    assert len(bench.peer.heard) == 12
    assert fields(await status_of(bench)) == (13, 0, 12, FREQ_HZ, SF)


async def test_refusals(bench, world):
    epoch_us = await bench.epoch_us()
    now_us = world.now_us - epoch_us
    for token, (tmst_us, freq_hz, power_dbm, expected) in enumerate(
        (
            (now_us - 1, FREQ_HZ, 14, TOO_LATE),
            (now_us + 20_000, FREQ_HZ, 14, TOO_LATE),
            ((now_us - 10_000_000) % U32, FREQ_HZ, 14, TOO_LATE),
            (now_us + 70_000_000, FREQ_HZ, 14, BAD_REQUEST),
            (None, 869_300_000, 14, BAD_REQUEST),
            (None, FREQ_HZ, 20, BAD_REQUEST),
        )
    ):
        bench.host.send(Transmit(token, tmst_us, freq_hz, SF, power_dbm, b"x"))
        result = await bench.host.next(TxResult)
        assert (result.token, result.status) == (token, expected)
    bench.host.send(Transmit(50, now_us + 2_000_000, FREQ_HZ, SF, 14, bytes(50)))
    bench.host.send(Transmit(51, now_us + 2_050_000, FREQ_HZ, SF, 14, bytes(50)))
    assert (await bench.host.next(TxResult)).status == TOO_LATE  # the second
    assert (await bench.host.next(TxResult)).token == 50
    assert len(bench.downlinks()) == 1


async def test_the_duty_cycle_is_kept_whatever_the_host_asks_for(bench, world):
    sent = 0
    while True:
        bench.host.send(Transmit(sent, None, 868_500_000, 12, 14, bytes(222)))
        status = (await bench.host.next(TxResult, 20)).status
        if status != SENT:
            break
        sent += 1
    assert status == DUTY_CYCLE
    assert sent == 36_000_000 // bench.downlinks()[0].airtime_us
    bench.host.send(Transmit(99, None, 869_525_000, 12, 20, bytes(222)))
    assert (await bench.host.next(TxResult, 20)).status == SENT  # the other band has its own


async def test_listening_elsewhere_survives_a_power_loss(bench, world):
    bench.host.send(Listen(867_900_000, 10))
    assert fields(await bench.host.next(Status))[3:] == (867_900_000, 10)
    bench.peer.send(b"there", 867_900_000, 10)
    assert (await bench.host.next(Received)).data == b"there"
    bench.board.power_off()
    await world.run_for(1)
    bench.board.power_on()
    assert fields(await bench.host.next(Status))[3:] == (867_900_000, 10)
    bench.peer.send(b"still there", 867_900_000, 10)
    received = await bench.host.next(Received)
    assert (received.freq_hz, received.sf, received.data) == (867_900_000, 10, b"still there")


async def test_nonsense_to_listen_on_changes_nothing(bench, world):
    bench.host.send(Listen(915_000_000, 7))
    assert (await bench.host.next(Log)).text == "cannot listen on 915000000 Hz SF7"
    assert fields(await status_of(bench))[3:] == (FREQ_HZ, SF)


async def test_junk_on_the_line_is_dropped_counted_and_does_no_harm(bench, world):
    seed = 4711
    print("seed", seed)
    junk = Random(seed).randbytes(3000).replace(b"\x00", b"\x01")
    bench.board.serial_feed(b"\x03\x03\x00")
    bench.board.serial_feed(junk + b"\x00")
    bench.board.serial_feed(cobs.encode(b"\xff"))  # a frame, but no CBOR
    bench.board.serial_feed(cobs.encode(b"\x81\x18\x63"))  # CBOR, but no message
    assert fields(await status_of(bench)) == (0, 0, 0, FREQ_HZ, SF)
    assert (await bench.host.next(Log)).text == "serial: 2 dropped, 2 refused"
