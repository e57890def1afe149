"""A UDP source at work on a bench, for packet forwarders on two roofs."""

from lyhord_gateway.sources.concentrator import Concentrator
from lyhord_gateway.sources.schedule import Scheduler
from lyhord_gateway.sources.udp import UdpSource
from tests.fakes.packet_forwarder import PacketForwarder
from tests.gateway.bench import Bench
from tests.gateway.parts import until

EUIS = (0xAA555A0000000101, 0xAA555A0000000102)


class Roofs:
    """A UDP source with two allow-listed concentrators, at work on a bench."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.counters = bench.metrics.counters
        self.kept: list[bytes] = []
        around = bench.around(lambda _, power_dbm: (Scheduler(power_dbm), self.kept.append))
        self.source = UdpSource("127.0.0.1", 0, [f"{eui:016x}" for eui in EUIS], 14, around)

    @property
    def concentrators(self) -> dict[str, Concentrator]:
        return self.source.concentrators

    @property
    def server(self) -> tuple[str, int]:
        return str(self.source.address[0]), int(self.source.address[1])

    def forwarder(self, eui: int = EUIS[0]) -> PacketForwarder:
        """One whose clock goes as the gateway's."""
        return PacketForwarder(eui, self.server, now_us=self.bench.times.now_us)

    def refused(self) -> dict[str, int]:
        prefix = "udp.refused."
        return {n.removeprefix(prefix): c for n, c in self.counters.items() if n.startswith(prefix)}

    async def counted(self, name: str, number: int = 1) -> None:
        await until(lambda: self.counters[name] >= number, f"{name} is counted")
        assert self.counters[name] == number
