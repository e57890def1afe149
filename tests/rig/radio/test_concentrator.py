"""The concentrator: every channel and spreading factor at once, deaf while it sends."""

from lyhord_rig import World
from lyhord_rig.radio.concentrator import Concentrator
from lyhord_rig.radio.ether import Ether
from lyhord_rig.radio.model import Modulation
from lyhord_wire.lora import RX2_FREQ_HZ, UPLINK_CHANNELS
from tests.rig.radio.ether_ear import FLAT, Ear


class Bench:
    """A concentrator, and eight senders one metre away."""

    def __init__(self):
        self.world = World(seed=1, pace=None)
        self.ether = Ether(self.world, path_loss=FLAT)
        self.heard = []
        self.concentrator = Concentrator(self.world, self.ether, (0, 0), "roof", self.heard.append)
        self.senders = [self.ether.attach((1, number), f"node-{number}") for number in range(9)]


async def test_eight_frames_at_once_are_heard_and_a_ninth_finds_no_demodulator():
    bench = Bench()
    for number, sender in enumerate(bench.senders):
        freq_hz = UPLINK_CHANNELS[number % 8][0]
        sender.transmit(Modulation(freq_hz, 8 if number == 8 else 7), 14, bytes([number]))
    await bench.world.run_for(1)
    assert sorted(reception.data[0] for reception in bench.heard) == list(range(8))
    assert bench.concentrator.counts["heard"] == 8


async def test_it_hears_nothing_while_it_sends_and_listens_again_afterwards():
    bench = Bench()
    ear = Ear()
    bench.senders[0].listen([Modulation(RX2_FREQ_HZ, 12, inverted=True, crc=False)], ear)
    bench.concentrator.send(1_000_000, RX2_FREQ_HZ, 12, 27.0, b"answer")
    uplink = Modulation(UPLINK_CHANNELS[0][0], 7)
    bench.world.call_at(1_100_000, bench.senders[1].transmit, uplink, 14, b"too early")
    bench.world.call_at(4_000_000, bench.senders[1].transmit, uplink, 14, b"in time")
    await bench.world.run_for(5)
    assert [frame.data for frame in ear.frames] == [b"answer"]
    assert [reception.data for reception in bench.heard] == [b"in time"]
    assert bench.ether.antennas["roof"].sent == 1


async def test_a_deaf_one_hears_nothing_and_an_order_into_its_own_transmission_is_counted():
    bench = Bench()
    bench.concentrator.deaf = True
    bench.senders[0].transmit(Modulation(UPLINK_CHANNELS[0][0], 7), 14, b"x")
    for _ in range(2):
        bench.concentrator.send(1_000_000, RX2_FREQ_HZ, 12, 27.0, b"answer")
    await bench.world.run_for(5)
    assert bench.heard == []
    assert bench.concentrator.counts["overlap"] == 1 and bench.concentrator.counts["sent"] == 1
