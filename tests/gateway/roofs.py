"""A UDP source at work on a bench, for packet forwarders on two roofs."""

from lyhord_gateway.sources.concentrator import Concentrator
from lyhord_gateway.sources.receptions import DEDUP_US
from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.sources.udp import UdpSource
from tests.gateway.bench import Bench
from tests.gateway.parts import until

EUIS = (0xAA555A0000000101, 0xAA555A0000000102)


class Roofs:
    """A UDP source with two allow-listed concentrators, at work on a bench."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.counters = bench.metrics.counters
        self.kept: list[bytes] = []
        self.concentrators = {
            f"{eui:016x}": Concentrator(f"{eui:016x}", Scheduler(14), self.kept.append) for eui in EUIS
        }
        self.source = UdpSource(
            "127.0.0.1", 0, self.concentrators, bench.ingest.hear, bench.store.room, bench.metrics, DEDUP_US
        )

    @property
    def server(self) -> tuple[str, int]:
        return str(self.source.address[0]), int(self.source.address[1])

    def refused(self) -> dict[str, int]:
        prefix = "udp.refused."
        return {n.removeprefix(prefix): c for n, c in self.counters.items() if n.startswith(prefix)}

    async def counted(self, name: str, number: int = 1) -> None:
        await until(lambda: self.counters[name] >= number, f"{name} is counted")
        assert self.counters[name] == number
