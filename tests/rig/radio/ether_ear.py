"""An ether for tests: receivers that write down what they hear, and a world that runs to the end."""

from lyhord_rig import World
from lyhord_rig.radio.ether import Ether
from lyhord_rig.radio.model import Loss, Lost, Modulation, PathLoss, Reception, noise_floor_dbm

CHANNEL = Modulation(868_100_000, 7)
FLAT = PathLoss(reference_db=100.0, reference_m=1.0, exponent=2.0, shadowing_db=0.0)  # 100 dB at 1 m


class Ear:
    """A demodulator without a chip."""

    def __init__(self):
        self.locks = 0
        self.headers = []
        self.dropped = 0
        self.frames = []

    def preamble_detected(self):
        self.locks += 1

    def header_received(self, modulation):
        self.headers.append(modulation)

    def frame_dropped(self):
        self.dropped += 1

    def frame_received(self, reception):
        self.frames.append(reception)


class Street:
    """A gateway that listens at the origin and senders one metre away, without shadowing: 100 dB of loss."""

    def __init__(self, seed=1, loss=0.0, path_loss=FLAT, tunings=(CHANNEL,), demodulators=1):
        self.world = World(seed=seed, pace=None)
        self.ether = Ether(self.world, loss=loss, path_loss=path_loss)
        self.events = []
        self.ether.on_event(self.events.append)
        self.gateway = self.ether.attach((0, 0), "gateway")
        self.ear = Ear()
        self.gateway.listen(tunings, self.ear, demodulators)

    def sender(self, name, position_m=(1, 0)):
        return self.ether.attach(position_m, name)

    def send_at(self, at_us, antenna, data=b"x" * 20, power_dbm=14.0, modulation=CHANNEL, done=None):
        self.world.call_at(at_us, antenna.transmit, modulation, power_dbm, data, done)

    async def run(self, until_us=10_000_000):
        await self.world.run(until=until_us)
        return self

    @property
    def heard(self):
        return [event.transmission.transmitter for event in self.events if isinstance(event, Reception)]

    @property
    def lost(self):
        return [
            (event.transmission.transmitter, event.reason) for event in self.events if isinstance(event, Lost)
        ]

    def lost_at(self, receiver):
        return [
            event.reason for event in self.events if isinstance(event, Lost) and event.receiver == receiver
        ]


__all__ = ["CHANNEL", "FLAT", "Ear", "Loss", "Street", "noise_floor_dbm"]
