"""One concentrator: what is known of it, what it has heard, and the answers that go out through it."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from lyhord_gateway.sources.datagrams import Address
from lyhord_gateway.sources.radio_clock import RadioClock
from lyhord_gateway.sources.receptions import Receptions
from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.sources.transmissions import Transmissions
from lyhord_gateway.support.metrics import Metrics

TOKENS = 1 << 16
_CLOCKS = 4  # addresses from which authentic frames came lately; a forwarder uses one


@dataclass(slots=True)
class Concentrator:
    """One allow-listed packet forwarder. pull: where its latest PULL_DATA came from. heard_s, pulled_s:
    monotonic times of its latest datagram of any kind, and of its latest PULL_DATA."""

    eui: str
    scheduler: Scheduler
    keep: Callable[[bytes], None]
    pull: Address | None = None
    heard_s: float = float("-inf")
    pulled_s: float = float("-inf")
    receptions: Receptions = field(default_factory=Receptions)
    clocks: OrderedDict[Address, RadioClock] = field(default_factory=OrderedDict)

    def transmissions(self, count: Callable[[str], None], metrics: Metrics) -> Transmissions:
        return Transmissions(self.eui, self.scheduler, self.keep, count, metrics, TOKENS)

    def heard_us(self, source: Address, tmst_us: int, arrived_us: int) -> int:
        """Our monotonic time of a reception, as far as authentic frames of the same address tell."""
        clock = self.clocks.get(source)
        return arrived_us if clock is None else clock.heard_us(tmst_us, arrived_us)

    def learn(self, source: Address, tmst_us: int, arrived_us: int) -> None:
        """An authentic frame vouches for the clock, for datagrams of the address from which it came."""
        clock = self.clocks.setdefault(source, RadioClock())
        self.clocks.move_to_end(source)
        if len(self.clocks) > _CLOCKS:
            self.clocks.popitem(last=False)
        clock.learn(tmst_us, arrived_us)
