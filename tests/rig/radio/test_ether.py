"""One frame in the ether: time on air, power, who hears it and who does not."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lyhord_rig.radio.model import STREET, Modulation, PathLoss, Transmission, sensitivity_dbm, snr_floor_db
from tests.rig.radio.ether_ear import CHANNEL, FLAT, Ear, Loss, Street, noise_floor_dbm

AIRTIMES = json.loads((Path(__file__).parents[2] / "vectors/airtime.json").read_text())
SYMBOL_US = 1024  # SF7, 125 kHz


@pytest.mark.parametrize("vector", AIRTIMES, ids=lambda v: f"{v['size']}B-SF{v['sf']}-{v['bandwidth_khz']}k")
async def test_a_frame_is_on_the_air_as_long_as_the_vectors_say(vector):
    modulation = Modulation(
        868_100_000, vector["sf"], vector["bandwidth_khz"], coding_rate=int(vector["coding_rate"][-1])
    )
    street = Street(tunings=(modulation,))
    ends = []
    street.send_at(
        1_000,
        street.sender("node"),
        bytes(vector["size"]),
        modulation=modulation,
        done=lambda: ends.append(street.world.now_us),
    )
    await street.run(20_000_000)
    assert ends == [1_000 + vector["microseconds"]]
    (reception,) = street.ear.frames
    assert reception.end_us == ends[0]
    assert (reception.data, reception.intact) == (bytes(vector["size"]), True)


async def test_a_receiver_is_told_each_stage_of_a_frame_at_its_time():
    street = Street()
    stages = []

    class Stages(Ear):
        def preamble_detected(self):
            stages.append(("preamble", street.world.now_us))

        def header_received(self, modulation):
            stages.append(("header", street.world.now_us, modulation.coding_rate, modulation.crc))

        def frame_received(self, reception):
            stages.append(("frame", street.world.now_us))

    street.gateway.listen((CHANNEL,), Stages())
    street.send_at(0, street.sender("node"))
    await street.run()
    assert stages == [
        ("preamble", 5 * SYMBOL_US),
        ("header", int(20.25 * SYMBOL_US), 5, True),
        ("frame", 56_576),
    ]


def test_path_loss_is_that_of_bor_with_the_logarithm_to_base_ten():
    assert STREET.mean_db(40) == pytest.approx(127.41)
    assert STREET.mean_db(400) == pytest.approx(127.41 + 20.8)
    assert STREET.mean_db(0) == STREET.mean_db(1)
    # Where the best sensitivity still hears 14 dBm: 413 m, not the 110 m of the natural logarithm.
    assert STREET.mean_db(413) == pytest.approx(14 + 134.5, abs=0.02)


def test_noise_floor_and_sensitivity():
    assert noise_floor_dbm(125) == pytest.approx(-117.03, abs=0.01)
    assert noise_floor_dbm(250) == pytest.approx(-114.02, abs=0.01)
    assert [snr_floor_db(sf) for sf in range(7, 13)] == [-7.5, -10, -12.5, -15, -17.5, -20]
    # SF8 to SF10 end at the noise, SF11 and SF12 at what was measured.
    expected = [-124.53, -127.03, -129.53, -132.03, -134.5, -133.25]
    assert [sensitivity_dbm(sf) for sf in range(7, 13)] == pytest.approx(expected, abs=0.005)


@pytest.mark.parametrize("sf", range(7, 13))
@pytest.mark.parametrize(("above_db", "heard"), [(0.0, True), (-0.01, False)])
async def test_the_edge_of_sensitivity(sf, above_db, heard):
    modulation = Modulation(868_100_000, sf)
    street = Street(tunings=(modulation,))
    power_dbm = sensitivity_dbm(sf) + 100 + above_db
    street.send_at(0, street.sender("node"), power_dbm=power_dbm, modulation=modulation)
    await street.run()
    assert street.heard == (["node"] if heard else [])
    assert street.lost == ([] if heard else [("node", Loss.WEAK)])


async def test_rssi_and_snr_follow_from_power_loss_and_noise():
    street = Street()
    street.send_at(0, street.sender("near"), power_dbm=14)
    street.send_at(1_000_000, street.sender("far", (3, 4)), power_dbm=2)
    await street.run()
    near, far = street.ear.frames
    assert (near.rssi_dbm, near.snr_db) == (-86.0, pytest.approx(31.03, abs=0.01))
    assert (far.rssi_dbm, far.snr_db) == (pytest.approx(-111.98), pytest.approx(5.05, abs=0.01))
    assert street.ether.margin_db(street.ether.antennas["far"], street.gateway, 7, 2) == pytest.approx(12.55)


@pytest.mark.parametrize(
    ("tuning", "reason"),
    [
        (replace(CHANNEL, freq_hz=868_130_000), None),  # a quarter of the bandwidth away
        (replace(CHANNEL, freq_hz=868_130_001), Loss.TUNING),
        (replace(CHANNEL, freq_hz=868_300_000), Loss.TUNING),
        (Modulation(868_100_000, 8), Loss.TUNING),
        (Modulation(868_100_000, 7, 250), Loss.TUNING),
        (replace(CHANNEL, inverted=True), Loss.POLARITY),
        (replace(CHANNEL, sync_word=0x12), Loss.SYNC_WORD),
        (replace(CHANNEL, low_data_rate=True), Loss.LOW_DATA_RATE),
        (replace(CHANNEL, crc=False, coding_rate=8, preamble=12), None),  # the header tells these
    ],
)
async def test_a_receiver_hears_only_what_it_is_tuned_to(tuning, reason):
    street = Street(tunings=(tuning,))
    street.send_at(0, street.sender("node"))
    await street.run()
    assert street.heard == ([] if reason else ["node"])
    assert street.lost == ([("node", reason)] if reason else [])
    assert street.ear.locks == (0 if reason else 1)


@pytest.mark.parametrize(
    ("after_us", "reason"),
    [(0, None), (3 * SYMBOL_US, None), (3 * SYMBOL_US + 1, Loss.LATE), (40_000, Loss.LATE)],
)
async def test_five_preamble_symbols_must_be_heard(after_us, reason):
    street = Street()
    street.gateway.idle()
    street.send_at(10_000, street.sender("node"))
    street.world.call_at(10_000 + after_us, street.gateway.listen, (CHANNEL,), street.ear)
    await street.run()
    assert street.lost == ([("node", reason)] if reason else [])
    assert street.heard == ([] if reason else ["node"])


@pytest.mark.parametrize(("leaves_us", "heard"), [(56_575, False), (56_577, True)])
async def test_a_receiver_must_stay_until_the_end(leaves_us, heard):
    street = Street()
    street.send_at(0, street.sender("node"))
    street.world.call_at(leaves_us, street.gateway.idle)
    await street.run()
    assert street.heard == (["node"] if heard else [])
    assert street.lost == ([] if heard else [("node", Loss.LEFT)])


async def test_somebody_who_sleeps_loses_nothing():
    street = Street()
    street.gateway.idle()
    street.send_at(0, street.sender("node"))
    await street.run()
    assert (street.heard, street.lost) == ([], [])


async def test_who_sends_hears_nothing():
    street = Street()
    street.send_at(0, street.gateway, bytes(100))
    street.send_at(10_000, street.sender("node"))
    await street.run()
    # The node never listens, so the gateway's frame is no loss of its.
    assert street.lost == [("node", Loss.HALF_DUPLEX)]


async def test_who_begins_to_send_loses_what_it_was_hearing():
    street = Street()
    street.send_at(0, street.sender("node"))
    street.world.call_at(29_000, street.gateway.idle)
    street.send_at(30_000, street.gateway)
    await street.run()
    assert (street.heard, street.lost) == ([], [("node", Loss.HALF_DUPLEX)])


async def test_nobody_hears_itself_and_everybody_hears_at_once():
    street = Street()
    ears = [Ear(), Ear()]
    nodes = [street.sender(name) for name in "ab"]
    for node, ear in zip(nodes, ears, strict=True):
        node.listen((CHANNEL,), ear)
    street.send_at(0, nodes[0])
    await street.run()
    assert len(street.ear.frames) == 1
    assert [len(ear.frames) for ear in ears] == [0, 1]


async def test_a_frame_that_is_cut_off_is_received_by_nobody():
    street = Street()
    node = street.sender("node")
    done = []
    street.send_at(0, node, done=lambda: done.append(1))
    street.world.call_at(30_000, node.idle)
    street.send_at(31_000, street.sender("next"))  # the gateway searches again
    await street.run()
    assert street.lost == [("node", Loss.CUT)]
    assert street.heard == ["next"]
    assert (street.ear.dropped, done, street.ether.cut) == (1, [], 1)
    assert street.ether.regulator.used_us("node", "M", street.world.now_us) == 30_000


async def losses(seed, loss, frames=400, others=0):
    street = Street(seed=seed, loss=loss)
    node = street.sender("node")
    for n in range(frames):
        street.send_at(n * 200_000, node)
    for n in range(others):
        street.send_at(100_000 + n * 200_000, street.sender(f"other-{n}"))
    await street.run(frames * 200_000)
    return [
        event.transmission.number for event in street.ear.frames if event.transmission.transmitter == "node"
    ]


async def test_extra_loss_is_seeded_and_as_frequent_as_asked():
    heard = await losses(seed=5, loss=0.2)
    assert 400 * 0.8 - 32 <= len(heard) <= 400 * 0.8 + 32  # four standard deviations
    assert heard == await losses(seed=5, loss=0.2)
    assert heard != await losses(seed=6, loss=0.2)


async def test_other_traffic_does_not_change_a_nodes_luck():
    assert await losses(seed=5, loss=0.2, others=50) == await losses(seed=5, loss=0.2)


async def test_extra_loss_can_be_changed_while_the_world_runs():
    street = Street(loss=1.0)
    node = street.sender("node")
    street.send_at(0, node)
    street.world.call_at(500_000, setattr, street.ether, "loss", 0.0)
    street.send_at(1_000_000, node)
    await street.run()
    assert [event.transmission.number for event in street.ear.frames] == [1]
    assert street.lost == [("node", Loss.CHANCE)]


async def busy_street(seed):
    """A minute of twenty nodes around a gateway, as strings: what was sent, heard and lost, and how loud."""
    street = Street(seed=seed, loss=0.1, path_loss=STREET)
    rng = street.world.rng("traffic")
    for n in range(20):
        node = street.sender(f"n{n}", (rng.uniform(-150, 150), rng.uniform(-150, 150)))
        for _ in range(20):
            street.send_at(rng.randrange(60_000_000), node)
    await street.run(61_000_000)
    return [str(event) for event in street.events], street.ether.lost


async def test_the_same_seed_is_the_same_ether_and_another_is_another():
    events, lost = await busy_street(1)
    assert (events, lost) == await busy_street(1)
    assert events != (await busy_street(2))[0]
    assert set(lost) >= {Loss.WEAK, Loss.CHANCE, Loss.COLLISION}


def test_shadowing_belongs_to_the_pair_and_the_seed():
    def spread(seed):
        street = Street(seed=seed, path_loss=PathLoss())
        nodes = [street.sender(f"n{n}", (100, 0)) for n in range(200)]
        for node in nodes:
            there = street.ether.link_loss_db(street.gateway, node)
            assert there == street.ether.link_loss_db(node, street.gateway)
        return [street.ether.link_loss_db(street.gateway, node) - STREET.mean_db(100) for node in nodes]

    first = spread(3)
    assert first == spread(3)
    assert first != spread(4)
    assert max(abs(db) for db in first) <= 2 * 3.57 + 0.01
    deviation = (sum(db * db for db in first) / len(first)) ** 0.5
    assert 2.6 < deviation < 3.6


async def test_what_is_told_is_what_is_counted():
    street = Street(loss=0.3)
    for n in range(50):
        street.send_at(n * 30_000, street.sender(f"n{n}"))
    await street.run()
    ether = street.ether
    assert ether.sent == sum(isinstance(event, Transmission) for event in street.events) == 50
    assert ether.heard == len(street.heard) == len(street.ear.frames)
    assert ether.lost.total() == len(street.lost)
    assert ether.heard + ether.lost.total() == 50
    assert set(ether.lost) >= {Loss.COLLISION}


def test_names_are_unique_and_frames_have_a_size():
    street = Street()
    with pytest.raises(ValueError, match="gateway"):
        street.sender("gateway")
    for size in (0, 256):
        with pytest.raises(ValueError, match=f"{size} bytes"):
            street.gateway.transmit(CHANNEL, 14, bytes(size))
    with pytest.raises(ValueError, match="sf 6"):
        Modulation(868_100_000, 6)


def test_positions_may_have_a_height():
    street = Street(path_loss=FLAT)
    roof = street.sender("roof", (0, 0, 10))
    assert street.ether.link_loss_db(roof, street.gateway) == 120.0


async def test_level_and_activity_of_the_channel():
    street = Street()
    street.send_at(0, street.sender("node"))
    await street.world.run(until=10_000)
    symbol_us = CHANNEL.symbol_us
    assert street.gateway.level_dbm(868_100_000) == pytest.approx(-86.0, abs=0.01)
    assert street.gateway.level_dbm(868_300_000) == pytest.approx(noise_floor_dbm(), abs=0.01)
    assert street.gateway.senses(CHANNEL, 0, symbol_us)
    assert street.gateway.senses(CHANNEL, 7 * symbol_us, 8 * symbol_us)
    assert not street.gateway.senses(CHANNEL, 7 * symbol_us + 1, 9 * symbol_us)  # what follows is no preamble
    assert not street.gateway.senses(Modulation(868_100_000, 8), 0, 2 * symbol_us)
    assert not street.gateway.senses(Modulation(868_100_000, 7, inverted=True), 0, symbol_us)
    await street.run()
    assert not street.gateway.senses(CHANNEL, 0, symbol_us)
