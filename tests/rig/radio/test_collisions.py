"""Frames that overlap: capture, the preamble's last five symbols, damage after the header, demodulators."""

from dataclasses import replace

import pytest

from lyhord_rig.radio.model import Modulation
from tests.rig.radio.ether_ear import CHANNEL, Ear, Loss, Street

SYMBOL_US = 1024
AIRTIME_US = 56_576  # 20 bytes at SF7


async def overlap(second_at_us, first_dbm=0.0, second_dbm=0.0, second=CHANNEL, demodulators=8):
    street = Street(demodulators=demodulators)
    street.send_at(0, street.sender("first"), power_dbm=first_dbm)
    street.send_at(second_at_us, street.sender("second"), power_dbm=second_dbm, modulation=second)
    return await street.run()


@pytest.mark.parametrize("lead_us", [0, 2 * SYMBOL_US])
@pytest.mark.parametrize(
    ("first_dbm", "second_dbm", "heard"),
    [
        (6.0, 0.0, ["first"]),
        (5.99, 0.0, []),
        (0.0, 5.99, []),
        (0.0, 6.0, ["second"]),
        (0.0, 0.0, []),
    ],
)
async def test_six_decibels_decide(lead_us, first_dbm, second_dbm, heard):
    street = await overlap(lead_us, first_dbm, second_dbm)
    assert street.heard == heard
    losers = {name for name in ("first", "second") if name not in heard}
    assert set(street.lost) == {(name, Loss.COLLISION) for name in losers}


@pytest.mark.parametrize(
    ("second_at_us", "heard"),
    [
        (AIRTIME_US, ["first", "second"]),
        # The tail of the first covers at most the first three preamble symbols of the second, which survives.
        # The first has lost its tail: its payload is damaged.
        (AIRTIME_US - 1, ["first", "second"]),
        (AIRTIME_US - 3 * SYMBOL_US, ["first", "second"]),
        (AIRTIME_US - 3 * SYMBOL_US - 1, ["first"]),
    ],
)
async def test_at_least_five_preamble_symbols_must_survive(second_at_us, heard):
    street = await overlap(second_at_us)
    assert street.heard == heard
    assert street.ear.frames[0].intact == (second_at_us == AIRTIME_US)
    assert all(frame.intact for frame in street.ear.frames[1:])


async def test_a_hit_before_the_end_of_the_header_drops_the_frame_and_after_it_damages_it():
    header_end_us = int(20.25 * SYMBOL_US)
    early = await overlap(header_end_us - 1)
    assert early.heard == []
    assert early.ear.dropped == 1
    assert ("first", Loss.COLLISION) in early.lost
    late = await overlap(header_end_us)
    (frame,) = late.ear.frames
    assert not frame.intact
    assert frame.data != frame.transmission.data
    assert len(frame.data) == len(frame.transmission.data)
    assert late.ether.damaged == 1


@pytest.mark.parametrize(
    "second",
    [
        replace(CHANNEL, freq_hz=868_300_000),
        Modulation(868_100_000, 8),
        replace(CHANNEL, inverted=True),
    ],
    ids=["other channel", "other spreading factor", "inverted"],
)
async def test_what_does_not_interfere(second):
    street = await overlap(10_000, first_dbm=0.0, second_dbm=14.0, second=second)
    assert street.heard == ["first"]
    assert street.ear.frames[0].intact


async def test_another_sync_word_does_interfere():
    street = await overlap(10_000, second=replace(CHANNEL, sync_word=0x12))
    assert street.heard == []


async def test_an_interferer_that_nobody_could_receive_still_interferes():
    weakest_dbm = -124.53 + 100
    street = await overlap(10_000, first_dbm=weakest_dbm, second_dbm=weakest_dbm - 5)
    assert street.heard == []
    assert street.lost == [("first", Loss.COLLISION), ("second", Loss.WEAK)]


async def test_capture_depends_on_where_one_listens():
    street = Street()
    near_a, near_b = Ear(), Ear()
    left, right = street.sender("left", (-10, 0)), street.sender("right", (10, 0))
    street.sender("ear-a", (-9, 0)).listen((CHANNEL,), near_a)
    street.sender("ear-b", (9, 0)).listen((CHANNEL,), near_b)
    street.send_at(0, left)
    street.send_at(0, right)
    await street.run()
    assert street.ear.frames == []  # equally far from both
    assert [frame.transmission.transmitter for frame in near_a.frames] == ["left"]
    assert [frame.transmission.transmitter for frame in near_b.frames] == ["right"]


async def test_one_demodulator_stays_with_its_frame_while_a_stronger_one_begins():
    one = await overlap(30_000, second_dbm=10.0, demodulators=1)
    assert one.heard == ["first"]
    assert not one.ear.frames[0].intact
    assert ("second", Loss.BUSY) in one.lost
    eight = await overlap(30_000, second_dbm=10.0, demodulators=8)
    assert eight.heard == ["first", "second"]
    assert [frame.intact for frame in eight.ear.frames] == [False, True]


async def test_a_concentrator_hears_as_many_channels_at_once_as_it_has_demodulators():
    tunings = [Modulation(867_100_000 + n * 100_000, 7) for n in range(12)]
    street = Street(tunings=tunings, demodulators=8)
    for n, tuning in enumerate(tunings):
        street.send_at(0, street.sender(f"n{n:02}"), modulation=tuning)
    await street.run()
    assert len(street.heard) == 8
    assert [reason for _, reason in street.lost] == [Loss.BUSY] * 4


async def test_three_frames_of_which_the_strongest_survives():
    street = Street(demodulators=8)
    for n, power_dbm in enumerate((0.0, 3.0, 9.0)):
        street.send_at(n * SYMBOL_US, street.sender(f"n{n}"), power_dbm=power_dbm)
    await street.run()
    assert street.heard == ["n2"]
