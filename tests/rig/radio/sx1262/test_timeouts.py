"""Ends of the emulated SX1262's receiving or sending without a frame: timers, symbols, standby."""

import pytest

from lyhord_rig.radio.sx1262 import Fault
from lyhord_rig.radio.sx1262_tables import Mode
from tests.rig.radio.sx1262.host import (
    CONTINUOUS,
    HEADER_ERROR,
    PREAMBLE,
    RX_DONE,
    SYMBOL_US,
    TIMEOUT,
    TX_DONE,
)


async def test_the_receive_timer_counts_in_64ths_of_a_millisecond(pair):
    await pair.b.start()
    await pair.b.listen(6_400)
    listens_us = pair.world.now_us
    assert pair.b.busy_us == 5_083
    await pair.run(200_000)
    assert pair.b.edges == [(listens_us + 100_000, 1)]
    assert await pair.b.irq() == TIMEOUT
    assert await pair.b.status() == (2, 1)


@pytest.mark.parametrize(("late_us", "arrives"), [(100, True), (-100, False)])
async def test_the_timer_stops_at_the_header_not_at_the_preamble(pair, late_us, arrives):
    header_us = int((8 + 4.25 + 8) * SYMBOL_US)
    await pair.a.start()
    await pair.b.start()
    start_us = pair.world.now_us + 100_000
    ticks = 64 * 40  # 40 ms
    await pair.world.run(until=start_us + header_us - 40_000 + late_us - 5_083)
    pair.b.raw(0x82, *ticks.to_bytes(3, "big"))
    await pair.world.run(until=start_us - 10_000)
    pair.a.raw(0x80, 1)  # the clock runs
    await pair.a.ready()
    await pair.a.do(0x0E, 0, *b"x" * 20)
    await pair.a.do(0x8C, 0, 8, 0, 20, 1, 0)
    await pair.world.run(until=start_us - 105)
    pair.a.raw(0x83, 0, 0, 0)
    await pair.run(200_000)
    assert pair.sent[0].start_us == start_us
    assert (await pair.b.irq() & RX_DONE != 0) == arrives
    assert (await pair.b.irq() & TIMEOUT != 0) == (not arrives)
    assert await pair.b.irq() & PREAMBLE


async def test_the_timer_stops_at_the_preamble_if_told_to(pair):
    await pair.a.start()
    await pair.b.start()
    await pair.b.do(0x9F, 1)
    await pair.b.listen(64 * 25)  # 25 ms: less than preamble and header behind the sender's start
    await pair.a.send(b"x" * 20)
    await pair.run(200_000)
    assert await pair.b.irq() & (RX_DONE | TIMEOUT) == RX_DONE


@pytest.mark.parametrize(("asked", "symbols"), [(5, 6), (6, 6), (62, 62), (63, 64), (100, 104), (248, 248)])
async def test_the_symbol_timeout_is_rounded_up(pair, asked, symbols):
    await pair.b.start()
    await pair.b.do(0xA0, asked)
    await pair.b.listen(0)
    listens_us = pair.world.now_us
    await pair.run(500_000)
    assert pair.b.edges == [(listens_us + symbols * SYMBOL_US, 1)]
    assert await pair.b.irq() == TIMEOUT
    assert pair.violations == []


@pytest.mark.parametrize("symbols", [6, 12])
async def test_a_preamble_within_the_symbols_keeps_the_receiver_on(pair, symbols):
    await pair.a.start()
    await pair.b.start()
    await pair.b.do(0xA0, symbols)
    await pair.a.send(b"x" * 20)
    await pair.b.listen(0)  # 5.3 ms later: with 2.8 symbols of the preamble left it is late
    await pair.run(200_000)
    assert await pair.b.irq() == TIMEOUT
    await pair.b.do(0x02, 0x03, 0xFF)
    await pair.a.do(0x80, 1)
    await pair.b.listen(0)
    await pair.a.send(b"x" * 20)
    await pair.run(200_000)
    assert await pair.b.irq() & (RX_DONE | TIMEOUT) == RX_DONE


async def test_symbols_beyond_248_and_with_continuous_reception(pair):
    await pair.b.start()
    await pair.b.do(0xA0, 249)
    await pair.b.listen(CONTINUOUS)
    assert pair.violations == ["SetLoRaSymbNumTimeout 249", "continuous RX with a timeout of 248 symbols"]


@pytest.mark.parametrize(("ticks", "flag"), [(64 * 57, TX_DONE), (64 * 56, TIMEOUT)])
async def test_a_transmission_that_takes_longer_than_its_timer_is_cut(pair, ticks, flag):
    await pair.a.start()
    await pair.a.send(bytes(20), ticks)
    await pair.run(100_000)
    assert await pair.a.irq() == flag
    assert pair.ether.cut == (flag == TIMEOUT)


async def test_a_stuck_transmitter_never_says_done(pair):
    pair.a.chip.fault = Fault.STUCK_TX
    await pair.a.start()
    await pair.a.send(b"x")
    await pair.run(5_000_000)
    assert (await pair.a.irq(), await pair.a.status(), pair.sent) == (0, (6, 1), [])
    await pair.a.do(0x80, 0)
    await pair.a.send(b"x", 640)
    await pair.run(5_000_000)
    assert await pair.a.irq() == TIMEOUT


async def test_standby_cuts_a_frame_off(pair):
    await pair.a.start()
    await pair.b.start()
    await pair.b.listen()
    await pair.a.send(bytes(20))
    await pair.run(40_000)
    await pair.a.do(0x80, 0)
    await pair.run(100_000)
    assert pair.ether.cut == 1
    assert await pair.b.irq() & (RX_DONE | HEADER_ERROR) == HEADER_ERROR
    assert pair.b.chip.mode is Mode.RX
