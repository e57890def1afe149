"""Two radios one metre apart, 100 dB between them, and what was seen in the air."""

from lyhord_rig import World
from lyhord_rig.radio.ether import Ether
from lyhord_rig.radio.model import Lost, Transmission
from tests.rig.radio.ether_ear import FLAT


class RadioPair:
    """host: makes one side of (ether, name, position in metres)."""

    def __init__(self, host, loss=0.0):
        self.world = World(seed=9, pace=None)
        self.ether = Ether(self.world, path_loss=FLAT, loss=loss)
        self.events = []
        self.ether.on_event(self.events.append)
        self.a = host(self.ether, "a", (0, 0))
        self.b = host(self.ether, "b", (1, 0))

    async def run(self, us):
        await self.world.run(until=self.world.now_us + us)

    @property
    def sent(self):
        return [event for event in self.events if isinstance(event, Transmission)]

    @property
    def losses(self):
        return [event.reason for event in self.events if isinstance(event, Lost)]
